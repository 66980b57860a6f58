import type { AppSchema, DatabaseServer, DriverContext, PhysicalDatabase } from "../driver.ts";
import { migrationPlace, runMigrations } from "./migrator.ts";
import type { DriverParts } from "./parts.ts";
import { withSession } from "./session.ts";

/** Implements `DatabaseDriver.migrate` where an environment has a database of its own. */
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
