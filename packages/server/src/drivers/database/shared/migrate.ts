import { failure } from "../../../kernel/index.ts";
import { refuseChanged } from "../common/apply-migrations.ts";
import { onlyLedger, selectLedger } from "../common/ledger.sql.ts";
import type { DriverParts } from "../common/parts.ts";
import { withSession } from "../common/session.ts";
import type { AppSchema, DatabaseServer, DriverContext, PhysicalDatabase } from "../driver.ts";

/** Implements `DatabaseDriver.migrate`: a shared database keeps the schema that it was built with. */
export async function migrate(
  parts: DriverParts,
  context: DriverContext,
  request: { server: DatabaseServer; database: PhysicalDatabase; schema: AppSchema },
): Promise<{ applied: number; schemaVersion: number }> {
  const { server, database, schema } = request;
  const ledger = await withSession(parts.connect, context, server, database.name, (session) =>
    session.inDatabase(database.name, (inside) =>
      inside.inspect((client) => selectLedger(client, onlyLedger)),
    ),
  );
  refuseChanged(ledger, schema.migrations);
  const held = new Set(ledger.map(({ ordinal }) => ordinal));
  const pending = schema.migrations.filter(({ ordinal }) => !held.has(ordinal));
  if (pending.length === 0) return { applied: 0, schemaVersion: schema.migrations.length };
  throw failure("isolation_unavailable", {
    detail: `${pending[0]!.name} can't be applied: migrations of a database at the level "shared" aren't available.`,
    remedy: 'Keep the application\'s schema as it is, or use the level "database".',
  });
}
