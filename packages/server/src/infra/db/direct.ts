import { Kysely, PostgresDialect, type PostgresPoolClient } from "kysely";
import pg from "pg";
import { connectionOptions, type Db, registryTypes } from "./connection.ts";

/** One connection that is never swapped for another: for session locks, and for work that a busy pool mustn't delay. */
export type DirectConnection = {
  db: Db;
  /** Aborts once the connection is gone, whoever ended it. What its session held, it holds no more. */
  ended: AbortSignal;
  /** Ends it without waiting for what is under way. Repeatable. */
  close(): Promise<void>;
};

/** Connects, or throws. A statement without an answer after `answerTimeoutMs` fails. */
export async function connectDirect(options: {
  url: string;
  applicationName: string;
  answerTimeoutMs: number;
}): Promise<DirectConnection> {
  const client = new pg.Client({
    connectionString: options.url,
    application_name: options.applicationName,
    connectionTimeoutMillis: 5_000,
    query_timeout: options.answerTimeoutMs,
    keepAlive: true,
    options: connectionOptions({ ...options, statementTimeoutMs: options.answerTimeoutMs }),
    types: registryTypes,
  });
  const gone = new AbortController();
  const end = () => gone.abort(new Error("The connection to the registry ended."));
  client.on("error", end);
  client.on("end", end);
  await client.connect();
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool: poolOf(client) }) });
  return {
    db,
    ended: gone.signal,
    async close() {
      end();
      // A server that doesn't answer wouldn't confirm the end either.
      const goodbye = client.end().catch(end);
      const giveUp = setTimeout(() => destroySocket(client), 1_000);
      await goodbye;
      clearTimeout(giveUp);
    },
  };
}

function poolOf(client: pg.Client) {
  const lent = Object.assign(client, { release: () => undefined }) as unknown as PostgresPoolClient;
  return { connect: async () => lent, end: async () => undefined, options: {} };
}

function destroySocket(client: pg.Client): void {
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
}
