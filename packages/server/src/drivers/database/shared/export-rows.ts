import type pg from "pg";
import { failure } from "../../../kernel/index.ts";
import { lookFrom, type Scope, selectExtensions, selectSchemas } from "../common/catalog/scope.sql.ts";
import { homeName } from "../common/emit/home.ts";
import { id } from "../common/emit/quote.ts";
import { onlyLedger } from "../common/ledger.sql.ts";
import { ownerName } from "../common/names.ts";
import type { DriverParts } from "../common/parts.ts";
import { exportFrom } from "../common/rows/export-rows.ts";
import { notPortable } from "../common/rows/fits.ts";
import { requireDatabase, requireLedger } from "../common/rows/own-rows.ts";
import { settleSession } from "../common/rows/relations.sql.ts";
import { withSession } from "../common/session.ts";
import type { DriverContext, RowsPlace, RowsSink, RowsTally } from "../driver.ts";
import { createEntrance } from "./migration/environments.ts";
import { isAdmitted, lockAgainstMigrations } from "./migration/run.sql.ts";
import { selectCounters, selectOwnPolicies } from "./rows.sql.ts";

/** Whoever leaves the database needn't wait for one who reads its rows. */
const rowsLock = ({ database, environmentId }: RowsPlace): string => `${database.name}/${environmentId}/rows`;

/** Implements `DatabaseDriver.exportRows`: what the seal shows to who has entered the environment. */
export async function exportRows(
  parts: DriverParts,
  context: DriverContext,
  place: RowsPlace,
  sink: RowsSink,
): Promise<RowsTally> {
  const { database, environmentId, databaseId, schema } = place;
  return withSession(parts.connect, context, place.server, rowsLock(place), async (session) => {
    await requireDatabase(session, database.name);
    return session.inDatabase(database.name, (inside) =>
      inside.inspect(async (client) => {
        await client.query("begin isolation level repeatable read");
        const scope = await settle(client, place);
        const refusals = await selectOwnPolicies(scope);
        if (refusals.length > 0) throw notPortable(refusals);
        const counters = await selectCounters(client, environmentId);
        // Under the policies like everybody else, though nobody else's rows can be among these.
        await client.query("set local row_security = on");
        await client.query(`set local role ${id(ownerName(schema.appId))}`);
        const key = Buffer.from(database.sealKey!, "base64");
        await createEntrance(client as pg.Client, { databaseId, key }).enter(environmentId);
        const sequences = () => Promise.resolve(counters);
        const tally = await exportFrom({ client, scope, place, sink, sequences });
        await client.query("commit");
        return tally;
      }),
    );
  });
}

/** Nobody migrates the database while the transaction lasts that `client` has begun. */
export async function settle(client: pg.ClientBase, place: RowsPlace): Promise<Scope> {
  await client.query(lockAgainstMigrations);
  const extensions = await selectExtensions(client);
  const schemas = (await selectSchemas(client)).filter((name) => name !== "tenantry");
  await lookFrom(client, [...new Set([homeName, ...extensions.map(({ schema }) => schema)])]);
  await settleSession(client);
  await requireLedger(client, onlyLedger, place);
  if (!(await isAdmitted(client, place.environmentId)))
    throw failure("environment_unavailable", { detail: "The environment has no rows in this database." });
  return { client, home: homeName, schemas };
}
