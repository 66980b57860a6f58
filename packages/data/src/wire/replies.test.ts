import { EventEmitter } from "node:events";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { type Outcome, sendPiped } from "./piped-query.ts";
import { divertReplies } from "./replies.ts";

const int16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255]);

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** A message as the server sends it. */
function message(code: string, ...parts: (Buffer | string)[]): Buffer {
  const body = Buffer.concat(
    parts.map((part) => (typeof part === "string" ? Buffer.from(`${part}\0`) : part)),
  );
  return Buffer.concat([Buffer.from(code), int32(body.length + 4), body]);
}

const column = (name: string): Buffer =>
  Buffer.concat([
    Buffer.from(`${name}\0`),
    ...[int32(7), int16(1), int32(25), int16(-1), int32(-1), int16(0)],
  ]);
const row = (...values: (string | null)[]): Buffer =>
  message(
    "D",
    int16(values.length),
    ...values.flatMap((value) =>
      value === null ? [int32(-1)] : [int32(Buffer.byteLength(value)), Buffer.from(value)],
    ),
  );

const bound = message("2");
const described = message("T", int16(2), column("title"), column("tenantry_environment"));
const done = message("C", "SELECT 2");
const ready = message("Z", Buffer.from("I"));
const notice = message("N", Buffer.from("M"), "heed this", Buffer.from([0]));
const notified = message("A", int32(5), "Z", "\u20ac");
const setting = message("S", "application_name", "mine");
const failed = message("E", Buffer.from("C"), Buffer.from("22012\0M"), "division by zero", Buffer.from([0]));
const beginning = [bound, message("D", int16(1), int32(0)), message("C", "SELECT 1"), bound, described];

/** A client that is connected to nothing: what the server sends is what the test says. */
async function clientOf() {
  const line = Object.assign(new EventEmitter(), {
    ...{ writable: true, setNoDelay() {}, connect() {}, write() {}, cork() {}, uncork() {} },
  });
  const client = new pg.Client({ user: "nobody", password: "", stream: (() => line) as never });
  const notices: (string | undefined)[] = [];
  const notifications: (string | undefined)[] = [];
  client.on("notice", ({ message: text }) => notices.push(text));
  client.on("notification", ({ payload }) => notifications.push(payload));
  const connected = client.connect();
  line.emit("connect");
  line.emit("data", Buffer.concat([message("R", int32(0)), ready]));
  await connected;
  const replies = divertReplies(client);
  const main = { text: "select title, tenantry_environment from notes", values: [] };
  const ask = () =>
    new Promise<Outcome>((resolve) => {
      sendPiped(
        { client, replies },
        { close: [], before: [{ text: "select 1", values: [] }], main },
        resolve,
      );
    });
  return { line, client, ask, notices, notifications };
}

/** The reply in two pieces, cut behind each byte in turn, to as many messages on one connection. */
async function cutEverywhere(reply: Buffer, check: (outcome: Outcome) => void) {
  const { line, client, ask, notices, notifications } = await clientOf();
  for (let cut = 1; cut <= reply.length; cut += 1) {
    const answer = ask();
    // Pieces of their own: pg writes into what it gets.
    line.emit("data", Buffer.from(reply.subarray(0, cut)));
    if (cut < reply.length) line.emit("data", Buffer.from(reply.subarray(cut)));
    check(await answer);
    expect(client.getTransactionStatus()).toBe("I");
  }
  return { times: reply.length, notices, notifications };
}

const rows = [row("one \u20ac", "0192"), row(null, "0192")];
const expected = [{ title: "one \u20ac" }, { title: null }];

describe("an answer that arrives in pieces", () => {
  it("is read as a whole, wherever it is cut", async () => {
    await cutEverywhere(
      Buffer.concat([...beginning, ...rows, done, ready]),
      ({ error, completed, result }) => {
        expect(error).toBeUndefined();
        expect(completed).toBe(1);
        expect(result).toMatchObject({ rows: expected, command: "SELECT", rowCount: 2 });
        expect(result!.fields.map(({ name }) => name)).toEqual(["title"]);
      },
    );
  });

  it("is read with what else the server has to say in between, and behind", async () => {
    const reply = Buffer.concat([...beginning, rows[0]!, notice, rows[1]!, done, setting, ready, notified]);
    const { times, notices, notifications } = await cutEverywhere(reply, ({ result }) => {
      expect(result?.rows).toEqual(expected);
    });
    expect(notices).toEqual(Array.from({ length: times }, () => "heed this"));
    expect(notifications).toEqual(Array.from({ length: times }, () => "\u20ac"));
  });

  it("ends with an error, and the next one is read as ever", async () => {
    await cutEverywhere(Buffer.concat([...beginning, rows[0]!, failed, ready]), ({ completed, error }) => {
      expect(completed).toBe(1);
      expect(error).toMatchObject({ code: "22012", message: "division by zero" });
    });
  });

  it("byte by byte", async () => {
    const { line, ask } = await clientOf();
    for (let time = 0; time < 3; time += 1) {
      const answer = ask();
      for (const byte of Buffer.concat([...beginning, ...rows, done, notice, ready])) {
        line.emit("data", Buffer.from([byte]));
      }
      expect((await answer).result?.rows).toEqual(expected);
    }
  });
});
