import { pathToFileURL } from "node:url";
import Libsql from "libsql";
import { LRUCache } from "lru-cache";
import type { EngineFile, EngineSettings, SqliteValue } from "./protocol.ts";

/** What libsql's types leave out. */
export type Statement = {
  readonly reader: boolean;
  raw(on: boolean): Statement;
  safeIntegers(on: boolean): Statement;
  all(...values: readonly SqliteValue[]): SqliteValue[][];
  iterate(...values: readonly SqliteValue[]): Iterator<SqliteValue[]>;
  run(...values: readonly SqliteValue[]): { changes: number | bigint };
};

export type Connection = {
  readonly inTransaction: boolean;
  prepare(sql: string): Statement;
  exec(sql: string): void;
  close(): void;
};

/** A connection whose file has a bound. */
export type BoundConnection = Connection & { bind(maxBytes: number | undefined): void };

const preparedStatements = 100;

/** Where the schema as PostgreSQL would know it is written down. */
export const modelTable = "tenantry_schema";

/**
 * Opens a connection. The file isn't made unless that is wished for: one that is gone stays gone. What is committed
 * survives the loss of the process and of the machine's power (synchronous=FULL).
 */
export function openConnection(file: EngineFile, settings: EngineSettings, reader: boolean): BoundConnection {
  const url = pathToFileURL(file.file);
  url.searchParams.set("mode", file.create ? "rwc" : "rw");
  const options = { timeout: 0, ...(file.encryptionKey && { encryptionKey: file.encryptionKey }) };
  const database = new (Libsql as unknown as new (path: string, options: object) => Connection)(
    url.href,
    options,
  );
  try {
    prepareConnection(database, settings, reader);
  } catch (error) {
    database.close();
    throw error;
  }
  const statements = new LRUCache<string, Statement>({ max: preparedStatements });
  let bound: number | undefined;
  return {
    bind(maxBytes) {
      if (maxBytes === bound) return;
      database.exec(`pragma max_page_count = ${pagesOf(database, maxBytes)}`);
      bound = maxBytes;
    },
    get inTransaction() {
      return database.inTransaction;
    },
    prepare(sql) {
      const known = statements.get(sql);
      if (known) return known;
      const made = database.prepare(sql).safeIntegers(true);
      if (made.reader) made.raw(true);
      statements.set(sql, made);
      return made;
    },
    exec: (sql) => database.exec(sql),
    close: () => database.close(),
  };
}

/** The most that SQLite can count. */
const mostPages = 4_294_967_294;

function pagesOf(database: Connection, maxBytes: number | undefined): number {
  if (maxBytes === undefined) return mostPages;
  const [row] = database.prepare("pragma page_size").raw(true).all();
  return Math.min(mostPages, Math.max(1, Math.floor(maxBytes / Number(row![0]))));
}

function prepareConnection(database: Connection, settings: EngineSettings, reader: boolean): void {
  const pragmas = [
    `hard_heap_limit = ${settings.heapBytes}`,
    "journal_mode = wal",
    "synchronous = full",
    "foreign_keys = on",
    "trusted_schema = off",
    "cell_size_check = on",
    // Never a file beside the environment's own.
    "temp_store = memory",
    "mmap_size = 0",
    `cache_size = -${Math.ceil(settings.cacheBytes / 1_024)}`,
    "journal_size_limit = 16777216",
    "case_sensitive_like = on",
    `query_only = ${reader ? "on" : "off"}`,
  ];
  database.exec(pragmas.map((pragma) => `pragma ${pragma};`).join(""));
}

/** The number that SQLite raises with every change of the schema. */
export function schemaVersion(connection: Connection): number {
  return Number(connection.prepare("pragma schema_version").all()[0]![0]);
}

/** The schema as it is written in the file; undefined where no migration has run yet. */
export function readModel(connection: Connection): string | undefined {
  const known = connection
    .prepare("select 1 from sqlite_schema where type = 'table' and name = ?")
    .all(modelTable);
  if (known.length === 0) return undefined;
  return connection.prepare(`select model from ${modelTable}`).all()[0]?.[0] as string | undefined;
}
