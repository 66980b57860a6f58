import type { DriverContext, LaneRequest, MigrateRequest } from "../driver.ts";
import { applyMigrations } from "./apply.ts";
import { requirePlaces } from "./directory.ts";
import { requireSound } from "./inspect.ts";
import { appOf } from "./names.ts";
import { ownerFor, type SqliteParts } from "./parts.ts";

/** Implements `DatabaseDriver.migrate`. Applications go on meanwhile: they see a file's migration whole or not at all. */
export async function migrate(
  parts: SqliteParts,
  context: DriverContext,
  { server, database, schema }: MigrateRequest,
  onFile?: LaneRequest["onFile"],
): Promise<{ applied: number; schemaVersion: number }> {
  const places = await requirePlaces(server);
  const path = places.fileOf(database.name);
  const { encryptionKey } = database;
  await context.assertLease();
  await requireSound(path, await ownerFor(parts, appOf(database.name)));
  const applied = await parts.files({ path, encryptionKey, signal: context.signal }, (file) =>
    applyMigrations(file, context, schema, onFile),
  );
  return { applied, schemaVersion: schema.migrations.length };
}
