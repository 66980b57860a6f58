import pg from "pg";
import { DatabaseUnavailable, DataError } from "../errors.ts";
import type { BrokenKey } from "./engine/broken-keys.ts";
import { EngineFailure, endedForTime, processLost } from "./engine/index.ts";
import type { Schema, Table } from "./sql/model.ts";
import { Refusal } from "./sql/refusal.ts";

/** The file can't be read with the key that was given, or without one; or it isn't a database. */
export class EncryptionKeyRefused extends DataError {
  constructor(options: { cause: unknown }) {
    super(
      "EncryptionKeyRefused",
      "unavailable",
      "The environment's file can't be read with its key.",
      options,
    );
  }
}

type Details = Partial<Record<"constraint" | "table" | "column" | "hint" | "position" | "detail", string>>;

function databaseError(
  code: string,
  message: string,
  details: Details = {},
  cause?: unknown,
): pg.DatabaseError {
  const error = new pg.DatabaseError(message, message.length, "error");
  Object.assign(error, { code, severity: "ERROR", schema: details.table && "public", cause }, details);
  return error;
}

/** What a caller gets: PostgreSQL's own kind of error for what a statement did, errors of the data path for the rest. */
export function asDatabaseError(error: unknown, schema: Schema | undefined): unknown {
  if (error instanceof Refusal) {
    return databaseError(error.code, error.message, {
      ...(error.hint !== undefined && { hint: error.hint }),
      ...(error.location !== undefined && { position: String(error.location + 1) }),
    });
  }
  if (!(error instanceof EngineFailure)) return error;
  return ofPlace(error) ?? ofConstraint(error, schema) ?? ofStatement(error);
}

const timeOut = "canceling statement due to statement timeout";

/** What isn't the statement's fault. */
function ofPlace(error: EngineFailure): unknown {
  const { code, message } = error;
  if (code === endedForTime) return databaseError("57014", timeOut, {}, error);
  if (code === processLost)
    return new DatabaseUnavailable("The process that held the database ended.", { cause: error });
  if (code === "SQLITE_NOTADB") return new EncryptionKeyRefused({ cause: error });
  if (code === "SQLITE_CANTOPEN" || /^ConnectionFailed\(.*: 14"\)/.test(message)) {
    const cause = Object.assign(error, { code: "3D000" });
    return new DatabaseUnavailable("The environment's file isn't there, or can't be opened.", { cause });
  }
  if (/^SQLITE_(IOERR|CORRUPT|PROTOCOL)/.test(code)) {
    return new DatabaseUnavailable("The environment's file can't be read or written.", { cause: error });
  }
  return undefined;
}

function ofConstraint(error: EngineFailure, schema: Schema | undefined): pg.DatabaseError | undefined {
  const [, kind, what = ""] =
    /^(UNIQUE|NOT NULL|CHECK|FOREIGN KEY) constraint failed(?:: ([\s\S]*))?$/.exec(error.message) ?? [];
  switch (kind) {
    case "UNIQUE":
      return duplicate(what, schema, error);
    case "NOT NULL": {
      const [table, column] = splitName(what);
      const message = `null value in column "${column}" of relation "${table}" violates not-null constraint`;
      return databaseError("23502", message, { table, column }, error);
    }
    case "CHECK":
      return failedCheck(what, schema, error);
    case "FOREIGN KEY":
      return brokenKey(what, schema, error);
    default:
      return undefined;
  }
}

/** As the engine found it out; in a large file it doesn't. */
function brokenKey(what: string, schema: Schema | undefined, cause: unknown): pg.DatabaseError {
  const found = what === "" ? undefined : (JSON.parse(what) as BrokenKey);
  const named = found && keyOf(found, schema);
  if (!named) {
    // A key that this very migration makes isn't known yet.
    const at = found && "table" in found ? found : undefined;
    const message = at
      ? `table "${at.table}" violates a foreign key constraint on (${at.columns.join(", ")})`
      : "insert or update or delete violates a foreign key constraint";
    return databaseError("23503", message, at ? { table: at.table } : {}, cause);
  }
  const { table, key, onParent } = named;
  const message = onParent
    ? `update or delete on table "${key.table}" violates foreign key constraint "${key.name}" on table "${table}"`
    : `insert or update on table "${table}" violates foreign key constraint "${key.name}"`;
  const names = key.columns.join(", ");
  const detail = onParent
    ? `The key is still referenced from table "${table}".`
    : `The key (${names}) is not present in table "${key.table}".`;
  return databaseError("23503", message, { table, constraint: key.name, detail }, cause);
}

function keyOf(found: BrokenKey, schema: Schema | undefined) {
  const tables = Object.values(schema?.tables ?? {});
  if ("restrictedBy" in found) {
    const all = tables.flatMap(({ name: table, foreignKeys }) =>
      foreignKeys
        .filter(({ table: parent }) => parent === found.restrictedBy)
        .filter(({ onDelete, onUpdate }) => [onDelete, onUpdate].includes("restrict"))
        .map((key) => ({ table, key, onParent: true })),
    );
    return all.length === 1 ? all[0] : undefined;
  }
  const { table, columns, onParent } = found;
  const keys = tables.find(({ name }) => name === table)?.foreignKeys;
  const key = keys?.find((one) => one.columns.join() === columns.join());
  return key && { table, key, onParent };
}

const splitName = (path: string): [string, string] => {
  const point = path.indexOf(".");
  return [path.slice(0, point), path.slice(point + 1)];
};

function duplicate(what: string, schema: Schema | undefined, cause: unknown): pg.DatabaseError {
  const named = /^index '([\s\S]*)'$/.exec(what)?.[1];
  const parts = named === undefined ? what.split(", ").map(splitName) : [];
  const table = named === undefined ? parts[0]?.[0] : schema?.indexes[named]?.table;
  const constraint =
    named ??
    uniqueName(
      schema,
      table,
      parts.map(([, column]) => column),
    );
  const message = `duplicate key value violates unique constraint "${constraint ?? what}"`;
  return databaseError(
    "23505",
    message,
    { ...(table && { table }), ...(constraint && { constraint }) },
    cause,
  );
}

function uniqueName(
  schema: Schema | undefined,
  table: string | undefined,
  columns: string[],
): string | undefined {
  const known = table === undefined ? undefined : schema?.tables[table];
  if (!known) return undefined;
  const wanted = columns.join();
  const key = [known.primaryKey, ...known.uniques].find((one) => one?.columns.join() === wanted);
  const quoted = columns.map((column) => `"${column.replaceAll('"', '""')}"`).join();
  const index = Object.values(schema!.indexes).find(
    (one) => one.table === table && one.unique && one.columns.join() === quoted,
  );
  return key?.name ?? index?.name;
}

const guardTexts: Record<string, string> = {
  "22P02": "invalid input syntax for the type of column",
  "22003": "value out of range for the type of column",
  "22001": "value too long for the type of column",
  "22007": "invalid date or time for the type of column",
};

function failedCheck(what: string, schema: Schema | undefined, cause: unknown): pg.DatabaseError {
  const guard = /^tenantry:(\w{5}):([\s\S]*)$/.exec(what);
  if (guard) {
    const [, code, column] = guard;
    return databaseError(
      code!,
      `${guardTexts[code!] ?? "wrong value for column"} "${column}"`,
      { column: column! },
      cause,
    );
  }
  const table = Object.values(schema?.tables ?? {}).find((one: Table) =>
    one.checks.some(({ name }) => name === what),
  )?.name;
  const relation = table ? ` for relation "${table}"` : "";
  const message = `new row${relation} violates check constraint "${what}"`;
  return databaseError("23514", message, { constraint: what, ...(table && { table }) }, cause);
}

const raised: Record<string, string> = {
  "22012": "division by zero",
  "22P02": "invalid input syntax",
  "22023": "cannot cast this jsonb to a number",
};

const byCode: Record<string, [code: string, message: string]> = {
  SQLITE_BUSY: ["55P03", "canceling statement due to lock timeout"],
  SQLITE_LOCKED: ["55P03", "canceling statement due to lock timeout"],
  SQLITE_FULL: ["53100", "could not extend the file: there is no room left"],
  TENANTRY_QUOTA_REACHED: ["53400", "the database is as large as it may be: its quota is reached"],
  SQLITE_NOMEM: ["53200", "out of memory"],
  SQLITE_TOOBIG: ["54000", "string or blob too big"],
  SQLITE_READONLY: ["25006", "cannot change rows in a read-only transaction"],
  SQLITE_INTERRUPT: ["57014", timeOut],
  SQLITE_MISMATCH: ["22P02", "invalid input syntax for type integer"],
  TENANTRY_ANSWER_TOO_LARGE: ["54000", "the answer is too large: read it by stream()"],
};

function ofStatement(error: EngineFailure): pg.DatabaseError {
  const { message } = error;
  const own = /^bad JSON path: 'tenantry:(\w{5})'$/.exec(message)?.[1];
  if (own) return databaseError(own, raised[own] ?? "invalid value", {}, error);
  const known = Object.entries(byCode).find(
    ([code]) => error.code === code || error.code.startsWith(`${code}_`),
  )?.[1];
  if (known) return databaseError(known[0], known[1], {}, error);
  if (message === "malformed JSON")
    return databaseError("22P02", "invalid input syntax for type json", {}, error);
  if (message === "integer overflow") return databaseError("22003", "bigint out of range", {}, error);
  if (message.startsWith("no such table")) return databaseError("42P01", message, {}, error);
  if (message.startsWith("no such column")) return databaseError("42703", message, {}, error);
  if (message.startsWith("no such savepoint"))
    return databaseError("3B001", "savepoint does not exist", {}, error);
  return databaseError("XX000", `SQLite: ${message}`, {}, error);
}
