import type { AppMigration } from "../driver.ts";
import type { OpenFile } from "./open-file.ts";

/** Which migrations were applied, and whose the file is. */
export async function createLedger(file: OpenFile): Promise<void> {
  await file.run(`
    create table if not exists tenantry_migrations (
      ordinal integer primary key, name text not null, checksum text not null
    ) strict
  `);
  await file.run("create table if not exists tenantry_place (name text primary key) strict");
}

export async function selectLedger(
  file: OpenFile,
): Promise<{ ordinal: number; name: string; checksum: string; finished: boolean }[]> {
  const rows = await file.rows<{ ordinal: number; name: string; checksum: string }>(
    "select ordinal, name, checksum from tenantry_migrations order by ordinal",
  );
  return rows.map((row) => ({ ...row, finished: true }));
}

export async function insertLedger(file: OpenFile, migration: AppMigration): Promise<void> {
  const { ordinal, name, checksum } = migration;
  await file.run("insert into tenantry_migrations (ordinal, name, checksum) values (?, ?, ?)", [
    ordinal,
    name,
    checksum,
  ]);
}

export async function createScriptLedger(file: OpenFile): Promise<void> {
  await file.run(
    "create table if not exists tenantry_scripts (run_id text primary key, rows_changed integer not null) strict",
  );
}

export async function selectScript(
  file: OpenFile,
  runId: string,
): Promise<{ rowsChanged: number } | undefined> {
  const rows = await file.rows<{ rowsChanged: number }>(
    'select rows_changed as "rowsChanged" from tenantry_scripts where run_id = ?',
    [runId],
  );
  return rows[0];
}

export async function insertScript(file: OpenFile, runId: string, rowsChanged: number): Promise<void> {
  await file.run("insert into tenantry_scripts (run_id, rows_changed) values (?, ?)", [runId, rowsChanged]);
}

/** How many rows have been changed since the file was opened. */
export async function selectChanges(file: OpenFile): Promise<number> {
  return (await file.rows<{ changes: number }>("select total_changes() as changes"))[0]!.changes;
}

/** The physical name of the database that the file was made as. */
export async function writePlace(file: OpenFile, name: string): Promise<void> {
  await file.run("insert or ignore into tenantry_place (name) values (?)", [name]);
}

export async function selectPlaces(file: OpenFile): Promise<string[]> {
  return (await file.rows<{ name: string }>("select name from tenantry_place")).map(({ name }) => name);
}

/** Of SQLite, in the form that servers' versions have. */
export async function selectVersion(file: OpenFile): Promise<number> {
  const [row] = await file.rows<{ version: string }>("select sqlite_version() as version");
  const [major = 0, minor = 0] = row!.version.split(".").map(Number);
  return major * 10_000 + minor;
}

export type SchemaRow = { type: string; name: string; tableName: string; sql: string | null };

/** What the application's migrations made. */
export async function selectSchema(file: OpenFile): Promise<SchemaRow[]> {
  return file.rows<SchemaRow>(
    `select type, name, tbl_name as "tableName", sql from sqlite_schema
     where name not like 'sqlite\\_%' escape '\\' and tbl_name not like 'tenantry\\_%' escape '\\' order by type, name`,
  );
}

/** What is damaged in the file itself; empty when nothing is. Takes time in proportion to its size. */
export async function selectDamage(file: OpenFile): Promise<string[]> {
  const rows = await file.rows<{ quick_check: string }>("pragma quick_check(5)");
  return rows.map((row) => row.quick_check).filter((line) => line !== "ok");
}

export async function selectForeignKeyViolations(
  file: OpenFile,
): Promise<{ table: string; parent: string }[]> {
  return file.rows<{ table: string; parent: string }>("pragma foreign_key_check");
}
