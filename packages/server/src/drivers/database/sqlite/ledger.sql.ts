import type { AppMigration } from "../driver.ts";
import type { OpenFile } from "./open-file.ts";

const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;

/** Which migrations a file has. */
export async function createLedger(file: OpenFile): Promise<void> {
  await file.script([
    `create table if not exists tenantry_migrations (
       ordinal integer primary key, name text not null, checksum text not null
     ) strict`,
  ]);
}

export async function selectLedger(
  file: Pick<OpenFile, "rows">,
): Promise<{ ordinal: number; name: string; checksum: string; finished: boolean }[]> {
  const rows = await file.rows("select ordinal, name, checksum from tenantry_migrations order by ordinal");
  return rows.map(([ordinal, name, checksum]) => ({
    ordinal: Number(ordinal),
    name: String(name),
    checksum: String(checksum),
    finished: true,
  }));
}

export const insertLedger = ({ ordinal, name, checksum }: AppMigration): string =>
  `insert into tenantry_migrations (ordinal, name, checksum)
   values (${ordinal}, ${text(name)}, ${text(checksum)})`;

/** Which scripts have been run on a file, and what they changed. */
export const createScriptLedger =
  "create table if not exists tenantry_scripts (run_id text primary key, rows_changed integer not null) strict";

/** Fails when the run has been committed before. Until it ends, what stands is where the counting began. */
export const beginScript = (runId: string): string =>
  `insert into tenantry_scripts (run_id, rows_changed) values (${text(runId)}, total_changes())`;

/** The beginning's own row isn't counted. */
export const endScript = (runId: string): string =>
  `update tenantry_scripts set rows_changed = total_changes() - rows_changed - 1 where run_id = ${text(runId)}`;

/** An error that tells how many rows a run changed, and takes all of it back. */
export const takeBack = (runId: string): string =>
  `select json_extract('{}', 'tried: ' || rows_changed) from tenantry_scripts where run_id = ${text(runId)}`;

export const triedPattern = /bad JSON path: 'tried: (\d+)'/;

export async function selectScript(
  file: OpenFile,
  runId: string,
): Promise<{ rowsChanged: number } | undefined> {
  const [row] = await file.rows(`select rows_changed from tenantry_scripts where run_id = ${text(runId)}`);
  return row && { rowsChanged: Number(row[0]) };
}

/** All runs that were committed, of scripts and of starter data. */
export async function selectScripts(file: Pick<OpenFile, "rows">): Promise<string[]> {
  const made = await file.rows("select 1 from sqlite_schema where name = 'tenantry_scripts'");
  if (made.length === 0) return [];
  return (await file.rows("select run_id from tenantry_scripts order by run_id")).map(([id]) => String(id));
}

/** Of SQLite, in the form that servers' versions have. */
export async function selectVersion(file: OpenFile): Promise<number> {
  const [[version] = []] = await file.rows("select sqlite_version()");
  const [major = 0, minor = 0] = String(version).split(".").map(Number);
  return major * 10_000 + minor;
}

export type SchemaRow = { type: string; name: string; tableName: string; sql: string | null };

/** What the application's migrations made. */
export async function selectSchema(file: OpenFile): Promise<SchemaRow[]> {
  const rows = await file.rows(
    `select type, name, tbl_name, sql from sqlite_schema
     where name not like 'sqlite\\_%' escape '\\' and tbl_name not like 'tenantry\\_%' escape '\\' order by type, name`,
  );
  return rows.map(([type, name, tableName, sql]) => ({
    type: String(type),
    name: String(name),
    tableName: String(tableName),
    sql: sql === null ? null : String(sql),
  }));
}

/** What is damaged in the file itself; empty when nothing is. Takes time in proportion to its size. */
export async function selectDamage(file: OpenFile): Promise<string[]> {
  const rows = await file.rows("pragma quick_check(5)");
  return rows.map(([line]) => String(line)).filter((line) => line !== "ok");
}
