import { migrationPlace, runMigrations } from "../common/migrator.ts";
import type { DriverParts } from "../common/parts.ts";
import { withSession } from "../common/session.ts";
import type { AppSchema, DatabaseServer, DriverContext, PhysicalDatabase } from "../driver.ts";

/** Implements `DatabaseDriver.migrate`. */
export async function migrate(
  parts: DriverParts,
  context: DriverContext,
  request: { server: DatabaseServer; database: PhysicalDatabase; schema: AppSchema },
): Promise<{ applied: number; schemaVersion: number }> {
  const { name } = request.database;
  const applied = await withSession(parts.connect, context, request.server, name, (session) =>
    runMigrations(session, { ...parts, context, ...request, ...migrationPlace(name, request.schema) }),
  );
  return { applied, schemaVersion: request.schema.migrations.length };
}
