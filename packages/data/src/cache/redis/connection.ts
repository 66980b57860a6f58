import { isIP } from "node:net";
import type { ErrorReply } from "@redis/client";
import type { RedisAddress } from "./address.ts";

/** As Redis answers in RESP 2; an error stands in the place of the answer that it is. */
export type RedisReply = string | Buffer | number | null | Error | RedisReply[];

export type RedisCommand = readonly (string | Buffer)[];

/** With `binary`, texts are answered as the bytes that they are. */
export type RedisSending = { binary?: boolean };

/** Who commands are run as, and in which numbered database. */
export type RedisIdentity = Pick<RedisAddress, "username" | "password" | "database">;

/** One connection, on which everybody works in turn; it never connects again by itself. */
export type RedisConnection = {
  readonly isOpen: boolean;
  /** Batches that wait for their answers. */
  readonly inFlight: number;
  /** When the server was last heard, on the clock of `performance`. */
  readonly heardAt: number;
  /** Whether the last batch was of this identity, so that the next one needs no change of user. */
  isOf(identity: RedisIdentity): boolean;
  /**
   * Sends a batch in one piece and answers its replies in order. Rejects with `ConnectionLost` when the connection went:
   * then it is unknown what was done. Replies of a batch whose identity was refused are all errors, whatever they were.
   */
  send(
    identity: RedisIdentity,
    commands: readonly RedisCommand[],
    options?: RedisSending,
  ): Promise<RedisReply[]>;
  destroy(): void;
};

/** The connection is gone. Whether commands without an answer took effect is unknown. */
export class ConnectionLost extends Error {}

/** The server doesn't take this name and password, or gives the user no right to a key of its own. */
export class IdentityRefused extends Error {}

/** Opens a connection that nobody has logged in on yet, and waits until the server says something. */
export async function openRedisConnection(
  address: Pick<RedisAddress, "host" | "port" | "tls">,
  deadlineMs: number,
): Promise<RedisConnection> {
  // Some hundred files, which only those wait for who have a Redis.
  const library = await import("@redis/client");
  const isErrorReply: IsErrorReply = (error) => error instanceof library.ErrorReply;
  const client = library.createClient({
    // RESP 2 begins without HELLO, which an unknown caller may not say.
    RESP: 2,
    disableClientInfo: true,
    maintNotifications: "disabled",
    disableOfflineQueue: true,
    // The whole batch has its deadline; one for each command cost more than the command.
    commandOptions: { timeout: 0 },
    socket: {
      host: address.host,
      port: address.port,
      connectTimeout: deadlineMs,
      // What was queued for one user must never be sent again under another: a new connection is a new object.
      reconnectStrategy: false,
      ...(address.tls && { tls: true, ...(isIP(address.host) === 0 && { servername: address.host }) }),
    },
  });
  // Each batch in flight rejects, which is where the error is dealt with.
  client.on("error", () => undefined);
  await client.connect();
  const asBytes = { typeMapping: { [library.RESP_TYPES.BLOB_STRING]: Buffer } };
  const connection = overClient(client, isErrorReply, asBytes);
  const firstWord = AbortSignal.timeout(deadlineMs);
  const silent = new Promise<never>((_resolve, reject) => {
    firstWord.addEventListener("abort", () => reject(new ConnectionLost("The server says nothing.")));
  });
  try {
    // Refused or not, an answer is a sign of life.
    const answer = client.sendCommand(["PING"]).catch((error: Error) => {
      if (!isErrorReply(error)) throw error;
    });
    await Promise.race([answer, silent]);
    return connection;
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

type Client = {
  readonly isReady: boolean;
  readonly isOpen: boolean;
  sendCommand(command: RedisCommand, options?: object): Promise<unknown>;
  destroy(): void;
};

/** Whether the server said it itself, in difference to what befell the connection. */
type IsErrorReply = (error: unknown) => error is ErrorReply;

function overClient(client: Client, isErrorReply: IsErrorReply, asBytes: object): RedisConnection {
  let user: string | undefined;
  let database = 0;
  let inFlight = 0;
  let heardAt = performance.now();

  /** What has to be said before commands of this identity. The same user with another password is another. */
  function prelude(identity: RedisIdentity): RedisCommand[] {
    const wanted = userKey(identity);
    const commands: RedisCommand[] = [];
    if (user !== wanted && identity.username) commands.push(["AUTH", identity.username, identity.password]);
    if (database !== identity.database) commands.push(["SELECT", String(identity.database)]);
    user = wanted;
    database = identity.database;
    return commands;
  }

  return {
    get isOpen() {
      return client.isReady;
    },
    get inFlight() {
      return inFlight;
    },
    get heardAt() {
      return heardAt;
    },
    isOf: (identity) => user === userKey(identity) && database === identity.database,
    async send(identity, commands, { binary = false } = {}) {
      if (!client.isReady) throw new ConnectionLost("The connection is closed.");
      const before = prelude(identity);
      inFlight += 1;
      try {
        const how = binary ? asBytes : undefined;
        const sent = [...before, ...commands].map((command) => reply(client, command, isErrorReply, how));
        const replies = await Promise.all(sent);
        heardAt = performance.now();
        const refused = replies.slice(0, before.length).find((answer) => answer instanceof Error);
        if (refused) {
          // Whoever was logged in before still is. What followed was refused by the key patterns of that user.
          user = undefined;
          database = -1;
          throw new IdentityRefused(refused.message);
        }
        return replies.slice(before.length);
      } finally {
        inFlight -= 1;
      }
    },
    destroy() {
      if (client.isOpen) client.destroy();
    },
  };
}

const userKey = ({ username, password }: RedisIdentity): string => `${username}\0${password}`;

async function reply(
  client: Client,
  command: RedisCommand,
  isErrorReply: IsErrorReply,
  how: object | undefined,
): Promise<RedisReply> {
  try {
    return (await client.sendCommand(command, how)) as RedisReply;
  } catch (error) {
    if (isErrorReply(error)) return error;
    throw new ConnectionLost("The connection went away.", { cause: error });
  }
}
