import type { StepContext } from "../../infra/workflow/index.ts";
import { failure } from "../../kernel/index.ts";
import { selectDatabase, selectMigrations, updateSchemaVersion } from "./databases.sql.ts";
import { deleteFailure } from "./fleet.sql.ts";
import { type PlacementParts, requireDriver } from "./parts.ts";
import { requireServer } from "./servers.ts";

/**
 * Brings a database up to a schema version of its app, and its placement with it. Repeatable: a ledger in the database
 * knows which files it has. Throws `migration_failed` or `migration_changed`; files before the one that failed stay.
 */
export async function migrateDatabase(
  parts: PlacementParts,
  context: StepContext,
  databaseId: string,
  schemaVersion: number,
): Promise<{ applied: number }> {
  const database = await selectDatabase(context.db, databaseId);
  if (!database?.roleName) throw failure("not_found", { detail: "There is no such database." });
  const server = await requireServer(context.db, parts.secrets, database.serverId);
  const migrations = await selectMigrations(context.db, database.appId, schemaVersion);
  const { applied } = await requireDriver(parts.drivers, database.level).migrate(context, {
    server,
    database: { name: database.name, roleName: database.roleName },
    schema: { appId: database.appId, migrations },
  });
  await context.transaction(async (tx) => {
    await updateSchemaVersion(tx, databaseId, schemaVersion);
    await deleteFailure(tx, databaseId);
  });
  return { applied };
}
