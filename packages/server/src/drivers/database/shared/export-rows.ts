import type pg from "pg";
import { failure } from "../../../kernel/index.ts";
import { lookFrom, type Scope, selectExtensions, selectSchemas } from "../common/catalog/scope.sql.ts";
import { homeName } from "../common/emit/home.ts";
import { onlyLedger } from "../common/ledger.sql.ts";
import type { DriverParts } from "../common/parts.ts";
import { exportFrom } from "../common/rows/export-rows.ts";
import { notPortable } from "../common/rows/fits.ts";
import { requireDatabase, requireLedger } from "../common/rows/own-rows.ts";
import { settleSession } from "../common/rows/relations.sql.ts";
import { withSession } from "../common/session.ts";
import type { DriverContext, RowsPlace, RowsSink, RowsTally } from "../driver.ts";
import { asEnvironment } from "./as-environment.ts";
import { isAdmitted, lockAgainstMigrations } from "./migration/run.sql.ts";
import { selectCounters, selectOwnPolicies } from "./rows.sql.ts";

/** Whoever leaves the database needn't wait for one who reads its rows. */
const rowsLock = ({ database, environmentId }: RowsPlace): string => `${database.name}/${environmentId}/rows`;

/** Implements `DatabaseDriver.exportRows`: what the seal shows to a login of the environment. */
export async function exportRows(
  parts: DriverParts,
  context: DriverContext,
  place: RowsPlace,
  sink: RowsSink,
): Promise<RowsTally> {
  const { database, environmentId, schema } = place;
  const shared = { ...place, appId: schema.appId, sealKey: database.sealKey! };
  return withSession(parts.connect, context, place.server, rowsLock(place), async (session) => {
    await requireDatabase(session, database.name);
    return session.inDatabase(database.name, (inside) =>
      inside.inspect(async (client) => {
        await client.query("begin");
        await keepMigrationsWaiting(client, place);
        const tally = await asEnvironment(parts, session, context, shared, async (login) => {
          await login.query("begin isolation level repeatable read");
          const scope = await settle(login);
          const refusals = await selectOwnPolicies(scope);
          if (refusals.length > 0) throw notPortable(refusals);
          // Read after the rows: they may have got further, never less far.
          const sequences = () => selectCounters(client, environmentId);
          return exportFrom({ client: login, scope, place, sink, sequences });
        });
        await client.query("commit");
        return tally;
      }),
    );
  });
}

/** Nobody migrates the database while the transaction lasts that `client` has begun. */
export async function keepMigrationsWaiting(client: pg.ClientBase, place: RowsPlace): Promise<void> {
  await client.query(lockAgainstMigrations);
  await requireLedger(client, onlyLedger, place);
  if (!(await isAdmitted(client, place.environmentId)))
    throw failure("environment_unavailable", { detail: "The environment has no rows in this database." });
}

/** What a login sees of the application's tables, in the transaction that it has begun. */
export async function settle(login: pg.ClientBase): Promise<Scope> {
  const extensions = await selectExtensions(login);
  const schemas = (await selectSchemas(login)).filter((name) => name !== "tenantry");
  await lookFrom(login, [...new Set([homeName, ...extensions.map(({ schema }) => schema)])]);
  await settleSession(login);
  // Under the policies like everybody else.
  await login.query("set local row_security = on");
  return { client: login, home: homeName, schemas };
}
