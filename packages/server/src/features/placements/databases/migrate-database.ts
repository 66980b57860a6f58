import type { MigrateRequest } from "../../../drivers/database/index.ts";
import type { StepContext } from "../../../infra/workflow/index.ts";
import { failure, hasCode } from "../../../kernel/index.ts";
import { deleteFailures } from "../fleet/fleet.sql.ts";
import { openDatabaseSecret, type PlacementParts, requireDriver } from "../parts.ts";
import { requireServer } from "../servers/servers.ts";
import { type DatabaseRow, selectDatabase, selectMigrations, updateSchemaVersion } from "./databases.sql.ts";
import { selectSharedOfEachVersion } from "./shared-databases.sql.ts";

/** What a driver has to know of a database to migrate it; the key where environments share it. */
export function describeDatabase(
  parts: Pick<PlacementParts, "secrets">,
  database: Pick<DatabaseRow, "id" | "level" | "name" | "roleName" | "roleSecret">,
): MigrateRequest["database"] {
  const { id, level, name, roleName, roleSecret } = database;
  const { sealKey, encryptionKey } = openDatabaseSecret(parts.secrets, { id, level, roleSecret });
  return { name, roleName, encryptionKey, ...(sealKey ? { sealKey } : {}) };
}

async function migrateRequest(
  parts: PlacementParts,
  context: StepContext,
  databaseId: string,
  schemaVersion: number,
) {
  const database = await selectDatabase(context.db, databaseId);
  if (!database || database.state === "blueprint")
    throw failure("not_found", { detail: "There is no such database." });
  const { appId, level, serverId } = database;
  const request: MigrateRequest = {
    server: await requireServer(context.db, parts.secrets, serverId),
    database: describeDatabase(parts, database),
    schema: { appId, migrations: await selectMigrations(context.db, appId, schemaVersion) },
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
  await noteMigrated(context, [databaseId], schemaVersion);
  return { applied };
}

/** Databases have come to a schema version, and what failed there before is past. */
export async function noteMigrated(
  context: StepContext,
  databaseIds: readonly string[],
  schemaVersion: number,
): Promise<void> {
  await context.transaction(async (tx) => {
    await updateSchemaVersion(tx, databaseIds, schemaVersion);
    await deleteFailures(tx, databaseIds);
  });
}
