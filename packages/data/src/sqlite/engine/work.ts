import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import { findBrokenKey, isBrokenKey, KeyBroken, nameBrokenKey } from "./broken-keys.ts";
import { type Connection, readModel, schemaVersion } from "./connection.ts";
import { OpenFiles, writerSlot } from "./files.ts";
import type { EngineFile, EngineReply, EngineRequest, EngineSettings, SqliteValue } from "./protocol.ts";

type Of<Op extends EngineRequest["op"]> = Extract<EngineRequest, { op: Op }>;
type Cursor = { rows: Iterator<SqliteValue[]> };

/** An answer grew beyond what one call may bring; told in SQLite's manner, by a code. */
export class AnswerTooLarge extends Error {
  readonly code = "TENANTRY_ANSWER_TOO_LARGE";
}

/** The file is as large as it may be. */
export class QuotaReached extends Error {
  readonly code = "TENANTRY_QUOTA_REACHED";
}

/** The file was closed meanwhile. What follows in the transaction would be committed statement by statement. */
class TransactionLost extends Error {
  readonly code = "TENANTRY_LOST";
}

/** SQLite has one code for a full disk and for a full file. */
function meansQuota(error: unknown, { file, maxBytes }: EngineFile): boolean {
  const { code } = (error instanceof ScriptFailed ? error.cause : error) as { code?: unknown };
  if (maxBytes === undefined || code !== "SQLITE_FULL") return false;
  const { bavail, bsize } = statfsSync(dirname(file));
  return bavail * bsize > fullBelow;
}

/** A disk with less room than this is full. */
const fullBelow = 1_024 * 1_024;

/** A statement of a script failed. */
export class ScriptFailed extends Error {
  readonly statement: number;

  constructor(statement: number, cause: unknown) {
    super("A statement of the script failed.", { cause });
    this.statement = statement;
  }
}

/** Does what it is asked, one thing after another, in the process in which it is made. */
export class Work {
  readonly #files: OpenFiles;
  readonly #cursors = new Map<number, Cursor>();

  constructor(settings: EngineSettings) {
    this.#files = new OpenFiles(settings);
  }

  closeAll(): void {
    this.#files.closeAll();
  }

  do(request: EngineRequest): EngineReply {
    try {
      return this.#do(request);
    } catch (error) {
      throw "file" in request && meansQuota(error, request.file) ? new QuotaReached() : error;
    }
  }

  #do(request: EngineRequest): EngineReply {
    switch (request.op) {
      case "run":
        return this.#run(request);
      case "run each":
        return this.#runEach(request);
      case "open cursor":
        return this.#openCursor(request);
      case "fetch":
        return this.#fetch(request);
      case "close cursor":
        this.#cursors.delete(request.cursor);
        return nothing;
      case "script":
        return this.#script(request);
      case "release slot":
        this.#files.closeSlot(request.key, request.slot);
        return nothing;
      case "close":
        this.#files.close(request.key);
        return nothing;
    }
  }

  #connection({ file, slot, within }: Of<"run" | "run each" | "open cursor">): Connection {
    const connection = this.#files.connection(file, slot);
    if (within && !connection.inTransaction)
      throw new TransactionLost("The transaction went with its connection.");
    return connection;
  }

  #run(request: Of<"run">): EngineReply {
    const connection = this.#connection(request);
    const stale = staleness(connection, request.version);
    if (stale) return stale;
    try {
      return runStatement(connection, request);
    } catch (error) {
      if (!isBrokenKey(error)) throw error;
      const isCommit = request.sql === "commit";
      const key = isCommit ? findBrokenKey(connection) : nameBrokenKey(connection, request);
      throw new KeyBroken(key, error);
    }
  }

  #runEach(request: Of<"run each">): EngineReply {
    const connection = this.#connection(request);
    const stale = staleness(connection, request.version);
    if (stale) return stale;
    const statement = connection.prepare(request.sql);
    let changes = 0;
    for (const [index, values] of request.rows.entries()) {
      try {
        changes += Number(statement.run(...values).changes);
      } catch (error) {
        throw new ScriptFailed(index, error);
      }
    }
    return { rows: [], changes };
  }

  #openCursor(request: Of<"open cursor">): EngineReply {
    const connection = this.#connection(request);
    const stale = staleness(connection, request.version);
    if (stale) return stale;
    const rows = connection.prepare(request.sql).iterate(...request.values);
    this.#cursors.set(request.cursor, { rows });
    return nothing;
  }

  #fetch({ cursor: number, count, maxBytes, enoughBytes }: Of<"fetch">): EngineReply {
    const cursor = this.#cursors.get(number);
    if (!cursor) throw new Error("There is no such cursor.");
    const rows = read(cursor.rows, count, maxBytes, enoughBytes);
    return { rows, changes: rows.length };
  }

  #script({ file, statements, version }: Of<"script">): EngineReply {
    const connection = this.#files.connection(file, writerSlot);
    if (connection.inTransaction) throw new Error("Somebody else's transaction is open there.");
    // Tables are rebuilt under other names: what refers to them is looked at once, in the end.
    connection.exec("pragma foreign_keys = off; pragma legacy_alter_table = on");
    try {
      connection.exec("begin immediate");
      const stale = staleness(connection, version);
      if (!stale) runAll(connection, statements);
      connection.exec(stale ? "rollback" : "commit");
      return stale ?? nothing;
    } catch (error) {
      if (connection.inTransaction) connection.exec("rollback");
      throw error;
    } finally {
      connection.exec("pragma foreign_keys = on; pragma legacy_alter_table = off");
    }
  }
}

const nothing: EngineReply = { rows: [], changes: 0 };

function staleness(connection: Connection, expected: number | undefined): EngineReply | undefined {
  const version = schemaVersion(connection);
  if (expected === version) return;
  return { stale: { version, model: readModel(connection) } };
}

function runStatement(connection: Connection, { sql, values, maxBytes }: Of<"run">): EngineReply {
  const statement = connection.prepare(sql);
  if (!statement.reader) {
    const { changes } = statement.run(...values);
    return { rows: [], changes: Number(changes) };
  }
  const rows = read(statement.iterate(...values), Number.POSITIVE_INFINITY, maxBytes);
  return { rows, changes: rows.length };
}

function runAll(connection: Connection, statements: readonly string[]): void {
  for (const [index, statement] of statements.entries()) {
    try {
      connection.exec(statement);
    } catch (error) {
      throw new ScriptFailed(index, error);
    }
  }
  const broken = findBrokenKey(connection);
  if (broken) throw new ScriptFailed(statements.length - 1, new KeyBroken(broken));
}

function read(
  rows: Iterator<SqliteValue[]>,
  count: number,
  maxBytes: number,
  enoughBytes = Number.POSITIVE_INFINITY,
): SqliteValue[][] {
  const result: SqliteValue[][] = [];
  let bytes = 0;
  while (result.length < count && bytes < enoughBytes) {
    const next = rows.next();
    if (next.done) break;
    for (const value of next.value) bytes += sizeOf(value);
    if (bytes > maxBytes) throw new AnswerTooLarge(`The answer is larger than ${maxBytes} bytes.`);
    result.push(next.value);
  }
  return result;
}

function sizeOf(value: SqliteValue): number {
  if (typeof value === "string") return value.length + 8;
  return value instanceof Uint8Array ? value.byteLength + 8 : 8;
}
