import {
  CacheUnavailable,
  createRedisConnections,
  parseRedisUrl,
  type RedisAddress,
  type RedisCommand,
  type RedisConnections,
  type RedisReply,
} from "@tenantry/data";
import { failure, unlessAborted } from "../../../kernel/index.ts";

/** The server to ask. Who asks may be told to stop: then no answer is waited for any more. */
type Asked = { url: string; signal?: AbortSignal | undefined };

/** A way to a server as whoever administers it. */
export type Administration = {
  /**
   * Runs one command in a numbered database. Throws the server's error, and `server_unreachable` when it doesn't answer.
   * Run again when the connection broke.
   */
  ask(server: Asked, command: RedisCommand, database?: number): Promise<RedisReply>;
  /** Runs many in one go; an error stands in the place of its reply. With `binary`, texts are answered as bytes. */
  askAll(
    server: Asked,
    commands: readonly RedisCommand[],
    database?: number,
    how?: { binary?: boolean },
  ): Promise<RedisReply[]>;
  close(): void;
};

export function createAdministration(
  connections: RedisConnections = createRedisConnections({ maxConnections: 2, deadlineMs: 10_000 }),
): Administration {
  const askAll: Administration["askAll"] = async (server, commands, database, how) => {
    const address = parseRedisUrl(server.url);
    const identity = { ...address, database: database ?? address.database };
    server.signal?.throwIfAborted();
    const answered = connections
      .run(identity, commands, { repeatable: true, ...how })
      .catch((error: unknown) => {
        throw error instanceof CacheUnavailable ? unreachable(error, address) : error;
      });
    return server.signal ? unlessAborted(answered, server.signal) : answered;
  };
  return {
    askAll,
    async ask(server, command, database) {
      const [reply] = await askAll(server, [command], database);
      if (reply instanceof Error) throw reply;
      return reply!;
    },
    close: () => connections.close(),
  };
}

function unreachable(error: Error, { host, port }: RedisAddress): Error {
  const detail = `The Redis at ${host}:${port} doesn't answer: ${innermost(error).message.replace(/\.$/, "")}.`;
  return failure("server_unreachable", { detail }, { cause: error });
}

/** What really happened, whatever stands behind it. */
export function innermost(error: Error): Error {
  return error.cause instanceof Error ? innermost(error.cause) : error;
}

const batch = 1_000;

/**
 * Every key that matches, a piece at a time: no command of it holds the server up. Keys that are written meanwhile may be
 * missed, and one may come twice.
 */
export async function* keysLike(
  { ask }: Administration,
  server: Asked,
  where: { pattern: string; database: number; signal: AbortSignal },
): AsyncGenerator<string[]> {
  let cursor = "0";
  do {
    where.signal.throwIfAborted();
    const command = ["SCAN", cursor, "MATCH", where.pattern, "COUNT", String(batch)];
    const [next, keys] = (await ask(server, command, where.database)) as [string, string[]];
    if (keys.length > 0) yield keys;
    cursor = next;
  } while (cursor !== "0");
}

/** Writes the users down where the server has a file for them; where not, they are given again when they are missed. */
export async function saveUsers({ ask }: Administration, server: Asked): Promise<boolean> {
  try {
    await ask(server, ["ACL", "SAVE"]);
    return true;
  } catch (error) {
    if (/not configured to use an ACL file/.test((error as Error).message)) return false;
    throw error;
  }
}
