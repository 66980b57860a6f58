import type { MigrateRequest } from "../../drivers/database/index.ts";
import type { StepContext } from "../../infra/workflow/index.ts";
import { failure, hasCode } from "../../kernel/index.ts";
import { selectDatabase, selectMigrations, updateSchemaVersion } from "./databases.sql.ts";
import { deleteFailure } from "./fleet.sql.ts";
import { openDatabaseSecret, type PlacementParts, requireDriver } from "./parts.ts";
import { requireServer } from "./servers.ts";
import { selectSharedOfEachVersion } from "./shared-databases.sql.ts";

/** What a driver has to know of a database to migrate it; the key where environments share it. */
async function migrateRequest(
  parts: PlacementParts,
  context: StepContext,
  databaseId: string,
  schemaVersion: number,
) {
  const database = await selectDatabase(context.db, databaseId);
  if (!database || database.state === "blueprint")
    throw failure("not_found", { detail: "There is no such database." });
  const { appId, level, name, roleName, roleSecret } = database;
  const server = await requireServer(context.db, parts.secrets, database.serverId);
  const migrations = await selectMigrations(context.db, appId, schemaVersion);
  const { sealKey, encryptionKey } = openDatabaseSecret(parts.secrets, { id: databaseId, level, roleSecret });
  const request: MigrateRequest = {
    server,
    database: { name, roleName, encryptionKey, ...(sealKey ? { sealKey } : {}) },
    schema: { appId, migrations },
  };
  return { driver: requireDriver(parts.drivers, level), request };
}

/**
 * Looks whether databases that many environments share can be brought to a schema version, so that a release that they
 * can't follow touches nobody. Throws `isolation_unavailable` with file and line.
 */
export async function rehearseShared(
  parts: PlacementParts,
  context: StepContext,
  { appId, schemaVersion }: { appId: string; schemaVersion: number },
): Promise<void> {
  for (const databaseId of await selectSharedOfEachVersion(context.db, appId, schemaVersion)) {
    const { driver, request } = await migrateRequest(parts, context, databaseId, schemaVersion);
    await driver.sharing?.rehearse(context, request).catch((error: unknown) => {
      // That server's environments wait for it; the others needn't.
      if (!hasCode(error, "server_unreachable")) throw error;
    });
  }
}

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
  const { driver, request } = await migrateRequest(parts, context, databaseId, schemaVersion);
  const { applied } = await driver.migrate(context, request);
  await context.transaction(async (tx) => {
    await updateSchemaVersion(tx, databaseId, schemaVersion);
    await deleteFailure(tx, databaseId);
  });
  return { applied };
}
