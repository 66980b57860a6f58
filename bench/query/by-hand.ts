import type { Socket } from "node:net";
import pg from "pg";
import type { SealedDatabase } from "../../packages/server/src/testing/sealed-database.ts";

/** Messages of PostgreSQL's protocol, written by hand: nothing can take less than they do. */
function message(code: string, ...parts: (string | number | Buffer)[]): Buffer {
  const body = Buffer.concat(
    parts.map((part) => {
      if (typeof part === "string") return Buffer.from(`${part}\0`);
      if (typeof part !== "number") return part;
      return Buffer.from([part >> 8, part & 255]);
    }),
  );
  const head = Buffer.from(`${code}....`);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

const parse = (name: string, text: string): Buffer => message("P", name, text, 0);
const execute = message("E", "", Buffer.alloc(4));
const describe = message("D", Buffer.from("P\0"));
const sync = message("S");
const ready = "Z".charCodeAt(0);

function bind(name: string, value: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(value.length);
  return message("B", "", name, 0, 1, Buffer.concat([length, Buffer.from(value)]), 0);
}

type Asking = { environmentId: string; text: string };

/** As a tenant who stays on the connection: everything stands prepared. */
export async function openStaying(sealed: SealedDatabase, { environmentId, text }: Asking) {
  const { send, tokenFor, close } = await openLine(sealed);
  await send(parse("enter", "select tenantry.enter($1)"), parse("main", text));
  const ask = () =>
    send(bind("enter", tokenFor(environmentId)), execute, bind("main", "5"), describe, execute);
  return { ask, close };
}

/** As one who takes over another's: the session is reset, and all is planned anew. */
export async function openPassing(sealed: SealedDatabase, { environmentId, text }: Asking) {
  const { send, tokenFor, close } = await openLine(sealed);
  const reset = [parse("", "discard all"), message("B", "", "", 0, 0, 0), execute];
  const [enter, main] = [parse("", "select tenantry.enter($1)"), parse("", text)];
  const ask = () =>
    send(...reset, enter, bind("", tokenFor(environmentId)), execute, main, bind("", "5"), describe, execute);
  return { ask, close };
}

const renewMs = 10_000;

/** A connection that pg has logged in to, and nobody reads from but here. */
async function openLine({ url, token }: SealedDatabase) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { connection, processID: backend } = client as unknown as {
    connection: { stream: Socket };
    processID: number;
  };
  const { stream } = connection;
  let answered = (): void => undefined;
  stream.removeAllListeners("data");
  stream.on("data", (bytes: Buffer) => {
    if (bytes.includes("ERROR")) throw new Error(bytes.toString("latin1"));
    if (bytes.at(-6) === ready) answered();
  });
  let known = { token: "", renewAt: 0 };
  return {
    close: () => client.end(),
    send: (...messages: Buffer[]): Promise<void> =>
      new Promise((resolve) => {
        answered = resolve;
        stream.write(Buffer.concat([...messages, sync]));
      }),
    tokenFor(environmentId: string): string {
      const now = Date.now();
      if (now > known.renewAt) known = { token: token({ environmentId, backend }), renewAt: now + renewMs };
      return known.token;
    },
  };
}
