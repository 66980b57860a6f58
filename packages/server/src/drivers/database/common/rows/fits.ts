import { createHash } from "node:crypto";
import { databaseErrorCode } from "../../../../infra/db/index.ts";
import { encodeUuid, failure } from "../../../../kernel/index.ts";
import type { AppSchema, RowsPlace } from "../../driver.ts";
import { reference } from "../emit/quote.ts";
import type { ArchiveHeader, ArchiveSequence, ArchiveTable } from "./archive.ts";
import type { Refusal, RowsTable } from "./relations.sql.ts";

/** Tells one state of an application's schema from every other. */
export function digestOf(schema: AppSchema): string {
  const content = schema.migrations.map(({ name, checksum }) => `${name}\0${checksum}\n`).join("");
  return createHash("sha256").update(content).digest("hex");
}

/** What a table and a sequence is called, whether in an archive or in a database. */
export const placeName = ({ schema, name }: { schema?: string | null; name: string }): string =>
  reference({ schema: schema ?? undefined, name });

/** Throws `archive_mismatch` for rows of another application or another state of its schema. */
export function requireSameSchema(header: ArchiveHeader, { schema }: Pick<RowsPlace, "schema">): void {
  if (header.app !== schema.appId)
    throw mismatch(`its rows are those of another application, ${encodeUuid(header.app)}`);
  const version = schema.migrations.length;
  if (header.schema.version !== version)
    throw mismatch(`its rows have schema version ${header.schema.version}, and the place has ${version}`);
  if (header.schema.digest !== digestOf(schema))
    throw mismatch(`its rows went through other migrations of the same number, ${version}`);
}

/** The database's table for each of the archive's. Throws `archive_mismatch` unless they are the same ones, with the same columns. */
export function matchTables<Table extends Pick<RowsTable, "name" | "columns"> & { schema?: string | null }>(
  header: ArchiveHeader,
  tables: readonly Table[],
): Table[] {
  const known = new Map(tables.map((table) => [placeName(table), table]));
  const matched = header.tables.map((table) => {
    const found = known.get(placeName(table));
    if (!found) throw mismatch(`there is no table ${placeName(table)}`);
    known.delete(placeName(table));
    if (columnsOf(table) !== columnsOf(found))
      throw mismatch(`${placeName(table)} has other columns or types here`);
    return found;
  });
  const [left] = known.keys();
  if (left !== undefined) throw mismatch(`it has no table ${left}`);
  return matched;
}

/** By name: a level may have them in another order, and may quote a type's name that needn't be. */
const columnsOf = ({ columns }: Pick<ArchiveTable, "columns">): string =>
  JSON.stringify(
    columns
      .map(({ name, type }) => [name, type.replace(/"((?:[^"]|"")*)"/g, "$1")])
      .sort(([a], [b]) => (a! < b! ? -1 : 1)),
  );

export function requireSameSequences(
  header: ArchiveHeader,
  here: readonly Pick<ArchiveSequence, "schema" | "name">[],
): void {
  const known = new Set(here.map(placeName));
  for (const sequence of header.sequences)
    if (!known.delete(placeName(sequence))) throw mismatch(`there is no sequence ${placeName(sequence)}`);
  const [left] = known;
  if (left !== undefined) throw mismatch(`it has no sequence ${left}`);
}

export function mismatch(what: string): Error {
  return failure("archive_mismatch", { detail: `The archive doesn't fit this place: ${what}.` });
}

export function notPortable(refusals: readonly Refusal[]): Error {
  const sentences = refusals.slice(0, 3).map(({ object, problem }) => `${object}: ${problem}.`);
  const more = refusals.length > 3 ? ` And ${refusals.length - 3} more.` : "";
  return failure("rows_not_portable", { detail: `${sentences.join(" ")}${more}` });
}

/** Says of which table a row was that the database didn't take; other errors stay as they are. */
export function explainRefusedRow(error: unknown, table: { schema?: string | null; name: string }): unknown {
  const code = databaseErrorCode(error);
  if (!code || !/^(22|23|P0|42)/.test(code)) return error;
  const message = error instanceof Error ? error.message : String(error);
  return failure(
    "archive_mismatch",
    { detail: `${placeName(table)} doesn't take a row: ${message}.` },
    { cause: error },
  );
}
