import { Kysely, PostgresDialect, type Transaction } from "kysely";
import pg from "pg";
import { createStatementNames, prepareStatements } from "./prepared.ts";

/** The registry. Statements are written as `` sql<Row>`…`.execute(db) `` in `*.sql.ts` files. */
export type Db = Kysely<unknown>;
export type Tx = Transaction<unknown>;

export type DbOptions = {
  url: string;
  /** Shown in pg_stat_activity, so that an operator can tell who holds what. */
  applicationName: string;
  /** Backends held at most; 10 when left out. */
  maxConnections?: number;
  /** Milliseconds after which a statement is cancelled; 30,000 when left out. */
  statementTimeoutMs?: number;
  /** A role to work as, with fewer rights than the one that logs in. */
  role?: string;
};

/** Reads bigint as a number: versions and counts stay far below 2^53. */
export const registryTypes = {
  getTypeParser(oid: number, format?: "text" | "binary") {
    if (oid === 20 && format !== "binary") return Number;
    return pg.types.getTypeParser(oid, format as "text");
  },
} as pg.CustomTypesConfig;

/**
 * Opens a pool over the registry with the search path set to its schema. Connections are made on first use; one that
 * the server cuts is replaced. Close it with `destroy()`.
 */
export function createDb(options: DbOptions): Db {
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: options.applicationName,
    max: options.maxConnections ?? 10,
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    options: connectionOptions(options),
    types: registryTypes,
  });
  const names = createStatementNames();
  // An idle connection that breaks is dropped by the pool; whoever asks next gets a new one or the error itself.
  pool.on("error", () => undefined);
  // One that breaks while lent out, between two statements of a transaction, must not end the process: the next
  // statement tells.
  pool.on("connect", (client) => {
    client.on("error", () => undefined);
    prepareStatements(client, names);
  });
  return new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
}

export function connectionOptions(options: DbOptions): string {
  const settings = [
    "search_path=tenantry",
    `statement_timeout=${options.statementTimeoutMs ?? 30_000}`,
    "idle_in_transaction_session_timeout=60000",
    "TimeZone=UTC",
  ];
  if (options.role) settings.push(`role=${options.role}`);
  return settings.map((setting) => `-c ${setting}`).join(" ");
}
