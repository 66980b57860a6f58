import type { ImportedRows, RowsPlace } from "../../../drivers/database/index.ts";
import type { Db } from "../../../infra/db/index.ts";
import type { StepContext } from "../../../infra/workflow/index.ts";
import { failure } from "../../../kernel/index.ts";
import { type PlacementParts, requireDriver } from "../parts.ts";
import { requireServer } from "../servers/servers.ts";
import { type DatabaseRow, selectDatabaseOf, selectMigrations } from "./databases.sql.ts";
import { describeDatabase, migrateDatabase } from "./migrate-database.ts";
import { type Progress, pipeRows } from "./pipe-rows.ts";

export type RowsCopied = ImportedRows & { schemaVersion: number };

/** The level and the schema version of the database that an environment has; `environment_unavailable` when it has none. */
export async function sourceOfRows(db: Db, environmentId: string): Promise<DatabaseRow> {
  const database = await selectDatabaseOf(db, environmentId);
  if (database) return database;
  throw failure("environment_unavailable", { detail: "It has no database now." });
}

/**
 * Puts the rows that one environment has at this moment in place of another's. The other's database is brought to the same schema before, where it has one to itself. Repeatable.
 */
export async function copyRows(
  parts: PlacementParts,
  context: StepContext,
  { from, to }: { from: string; to: string },
): Promise<RowsCopied> {
  const source = await sourceOfRows(context.db, from);
  const target = await levelledTarget(parts, context, source, await sourceOfRows(context.db, to));
  const rows = await pipeRows(parts, context, {
    from: { level: source.level, place: await rowsPlace(parts, context.db, source, from) },
    to: { level: target.level, place: await rowsPlace(parts, context.db, target, to) },
    progress: tellRows(context, "copied"),
  });
  return { ...rows, schemaVersion: source.schemaVersion };
}

/** Tells how many rows are `done`: "copied". */
export function tellRows(context: StepContext, done: string): Progress {
  return async ({ tables, rows, bytes }, allTables) => {
    const [many, megabytes] = [rows, bytes / 1e6].map((count) => Math.round(count).toLocaleString("en"));
    await context.progress(tables / Math.max(1, allTables), `${many} rows, ${megabytes} MB ${done}`);
  };
}

/** The database that rows go to, at the schema version that they come from. */
export async function levelledTarget(
  parts: PlacementParts,
  context: StepContext,
  { schemaVersion }: DatabaseRow,
  target: DatabaseRow,
): Promise<DatabaseRow> {
  if (target.schemaVersion === schemaVersion) return target;
  if (target.schemaVersion > schemaVersion)
    throw failure("archive_mismatch", {
      detail: `The rows have schema version ${schemaVersion}, and their new place has ${target.schemaVersion} already.`,
      remedy: "Bring the source up to date with `tenantry migrate`, or copy it to the level database.",
    });
  if (requireDriver(parts.drivers, target.level).sharing)
    throw failure("unavailable", { detail: "The shared database isn't at the rows' schema version yet." });
  await migrateDatabase(parts, context, target.id, schemaVersion);
  return { ...target, schemaVersion };
}

export async function rowsPlace(
  parts: PlacementParts,
  db: Db,
  database: DatabaseRow,
  environmentId: string,
): Promise<RowsPlace> {
  const { id, appId, schemaVersion } = database;
  return {
    server: await requireServer(db, parts.secrets, database.serverId),
    database: describeDatabase(parts, database),
    databaseId: id,
    environmentId,
    schema: { appId, migrations: await selectMigrations(db, appId, schemaVersion) },
  };
}
