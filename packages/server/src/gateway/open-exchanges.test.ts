import { createHash } from "node:crypto";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type TestSite, testSite } from "../testing/gateway.ts";
import { http2Client } from "../testing/http2.ts";
import { getRequest, parseAnswer, type RawConnection } from "../testing/raw-http.ts";
import type { RouteRow } from "../testing/routes.ts";
import { waitUntil } from "../testing/wait-until.ts";

let site: TestSite;
/** The application's end of each answer, by the path that was asked for. */
let answers: Map<string, ServerResponse>;
let sockets: Duplex[];

async function start(lapsedGraceMs: number): Promise<void> {
  answers = new Map();
  sockets = [];
  site = await testSite({ limits: { lapsedGraceMs } });
  site.answer = (request, response) => answers.set(request.url!, response);
  site.application.server.on("upgrade", (request, socket) => {
    const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash("sha1").update(key).digest("base64");
    sockets.push(ending(socket));
    const lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
    socket.write(`${lines.join("\r\n")}\r\nSec-WebSocket-Accept: ${accept}\r\n\r\nwelcome`);
  });
}

/** An HTTP server's socket may stay half open: its owner closes it. */
function ending(socket: Duplex): Duplex {
  return socket
    .on("error", () => undefined)
    .on("end", () => socket.end())
    .resume();
}

const long = 600_000;
const short = 50;
beforeEach(() => start(long));
afterEach(() => site.stop());

async function again(lapsedGraceMs: number): Promise<void> {
  await site.stop();
  await start(lapsedGraceMs);
}

function ask(path: string, host = "acme.localhost"): RawConnection {
  const connection = site.connect();
  connection.write(getRequest(path).replace("acme.localhost", host));
  return connection;
}

/** Asks, and waits until the application has the request. */
async function asked(path: string, host?: string) {
  const connection = ask(path, host);
  await waitUntil("the application has the request", () => answers.has(path));
  return { connection, answer: answers.get(path)! };
}

async function eventStream(host?: string) {
  const stream = await asked(`/events-${host}`, host);
  stream.answer
    .writeHead(200, { "content-type": "text/event-stream; charset=utf-8" })
    .write("data: first\n\n");
  await stream.connection.until("data: first");
  return stream;
}

async function webSocket(host = "acme.localhost") {
  const connection = site.connect();
  const lines = [`GET /chat HTTP/1.1`, `Host: ${host}`, "Connection: Upgrade", "Upgrade: websocket"];
  lines.push("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", "", "");
  connection.write(lines.join("\r\n"));
  await connection.until("welcome");
  return { connection, far: sockets.at(-1)! };
}

async function change(row: RouteRow, host = "acme.localhost"): Promise<void> {
  await site.registry.routes([host], { upstreamId: site.upstreamId, ...row });
  await site.tested.caughtUp();
}

const isOver = (answer: ServerResponse) => answer.closed;

describe("what goes on for as long as it pleases ends at once, at both ends, when its host", () => {
  test.each([
    ["is suspended", () => change({ status: "suspended" })],
    ["is closed for maintenance", () => change({ status: "maintenance" })],
    ["is deleted", () => change({ status: "deleted" })],
    ["is forgotten", () => site.registry.removeRoutes(["acme.localhost"])],
    [
      "leads to another environment",
      async () => {
        await site.registry.removeRoutes(["acme.localhost"]);
        await change({});
      },
    ],
  ])("%s", async (_what, happen) => {
    const stream = await eventStream();
    const socket = await webSocket();
    await happen();
    await stream.connection.closed();
    await socket.connection.closed();
    await waitUntil("the application knows", () => isOver(stream.answer) && socket.far.closed);
  });
});

test("neighbours' streams go on, and those of a host that begins to redirect to its tenant's new one", async () => {
  for (const host of ["other.localhost", "old.localhost"]) {
    await change({}, host);
    const stream = await eventStream(host);
    const socket = await webSocket(host);
    await change({ status: "suspended" });
    const expiresAt = new Date(Date.now() + 3_600_000);
    if (host === "old.localhost") await change({ redirectTo: "new.localhost", expiresAt }, host);
    stream.answer.write("data: second\n\n");
    socket.far.write("still here");
    await stream.connection.until("data: second");
    await socket.connection.until("still here");
    await change({ status: "active" });
  }
});

test("of the streams of one HTTP/2 connection the host's own end, and the others go on", async () => {
  await change({}, "other.localhost");
  const client = http2Client(site.tested.port);
  const [own, other] = await Promise.all(
    ["acme.localhost", "other.localhost"].map(async (host) => {
      const stream = client.start({ ":path": `/over-${host}`, ":authority": host });
      await waitUntil("the application has the request", () => answers.has(`/over-${host}`));
      const answer = answers.get(`/over-${host}`)!;
      answer.writeHead(200, { "content-type": "text/event-stream" }).write("data: first\n\n");
      await once(stream, "data");
      return { stream, answer };
    }),
  );
  const over = new Promise((resolve) => own!.stream.on("close", resolve));
  await change({ status: "maintenance" });
  await over;
  await waitUntil("the application knows", () => own!.answer.closed);
  other!.answer.write("data: second\n\n");
  expect(String((await once(other!.stream, "data"))[0])).toBe("data: second\n\n");
  await client.close();
});

test("a WebSocket that the application agrees to after its host was closed isn't opened", async () => {
  site.application.server.removeAllListeners("upgrade");
  const asked = new Promise<Duplex>((resolve) => {
    site.application.server.on("upgrade", (_request, socket) => resolve(ending(socket)));
  });
  const connection = site.connect();
  connection.write(
    getRequest("/chat", "Upgrade: websocket").replace("Connection: close", "Connection: Upgrade"),
  );
  const far = await asked;
  await change({ status: "suspended" });
  far.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nwelcome");
  expect(await connection.closed()).not.toContain("welcome");
  await waitUntil("the application knows", () => far.closed);
});

describe("any other answer that is under way when its host is suspended", () => {
  test("may be finished within the grace, whether it had begun or not", async () => {
    const begun = await asked("/begun");
    begun.answer.write("first");
    await begun.connection.until("first");
    const waiting = await asked("/waiting");
    await change({ status: "suspended" });
    begun.answer.end("last");
    waiting.answer.end("all of it");
    expect(parseAnswer(await begun.connection.closed()).body).toBe("firstlast");
    expect(parseAnswer(await waiting.connection.closed())).toMatchObject({ status: 200, body: "all of it" });
  });

  test("is cut after the grace when it had begun, as one that isn't whole", async () => {
    await again(short);
    const { connection, answer } = await asked("/download");
    answer.write("first");
    await connection.until("first");
    await change({ status: "suspended" });
    expect(await connection.closed()).not.toContain("0\r\n\r\n");
    await waitUntil("the application knows", () => answer.closed);
  });

  test("becomes what a visitor gets now, after the grace, when it hadn't begun", async () => {
    await again(short);
    const { connection, answer } = await asked("/slow");
    await change({ status: "suspended", statusReason: "over_quota" });
    const { status, body } = parseAnswer(await connection.closed());
    expect([status, JSON.parse(body).code]).toEqual([503, "tenant_over_quota"]);
    await waitUntil("the application knows", () => answer.closed);
  });
});
