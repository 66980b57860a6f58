import { applyMigrations } from "../common/apply-migrations.ts";
import { asMigrator } from "../common/migrator.ts";
import { partsOfPlace } from "../common/names.ts";
import type { DriverParts } from "../common/parts.ts";
import { withSession } from "../common/session.ts";
import type { AppSchema, DatabaseServer, DriverContext, PhysicalDatabase } from "../driver.ts";
import { asPublic } from "./as-public.ts";
import { createsExtension, installExtensions } from "./extensions.ts";
import { migrationPlace } from "./migration-place.ts";
import { inTurn } from "./schemas.sql.ts";

/**
 * Implements `DatabaseDriver.migrate`: with the application's files, not with a difference of catalogs, which doesn't
 * tell a renamed column from a new one, nor knows what becomes of rows. The files of two schemas of one container come
 * after each other, since both are called `public` for that time.
 */
export async function migrate(
  parts: DriverParts,
  context: DriverContext,
  request: { server: DatabaseServer; database: PhysicalDatabase; schema: AppSchema },
): Promise<{ applied: number; schemaVersion: number }> {
  const { server, database } = request;
  const { container, schema } = partsOfPlace(database.name);
  const { migrations } = request.schema;
  const place = migrationPlace(container, schema);
  const applied = await withSession(parts.connect, context, server, schema, (session) =>
    asMigrator(session, { ...parts, context, server, ...place }, (run) =>
      inTurn(session, container, async () => {
        if (migrations.some(createsExtension))
          await session.inDatabase(container, (inside) => installExtensions(inside, migrations));
        return applyMigrations({ ...run, ledger: place.ledger, wrap: asPublic(schema) }, migrations);
      }),
    ),
  );
  return { applied, schemaVersion: migrations.length };
}
