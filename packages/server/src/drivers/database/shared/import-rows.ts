import type pg from "pg";
import { failure } from "../../../kernel/index.ts";
import type { Scope } from "../common/catalog/scope.sql.ts";
import { id } from "../common/emit/quote.ts";
import type { DriverParts } from "../common/parts.ts";
import type { ArchiveHeader } from "../common/rows/archive.ts";
import { matchTables, requireSameSchema, requireSameSequences } from "../common/rows/fits.ts";
import { takeArchive } from "../common/rows/import-rows.ts";
import { requireDatabase } from "../common/rows/own-rows.ts";
import {
  type Refusal,
  type RowsTable,
  selectPointers,
  selectRowsTables,
} from "../common/rows/relations.sql.ts";
import { type Session, withSession } from "../common/session.ts";
import type { DriverContext, ImportedRows, RowsPlace } from "../driver.ts";
import { asEnvironment } from "./as-environment.ts";
import { maySetOffTriggers } from "./environments.sql.ts";
import { keepMigrationsWaiting, settle } from "./export-rows.ts";
import { inserting, takeOut } from "./insert-rows.ts";
import { replaceCounters, selectCounters, selectFiring, selectOwnPolicies } from "./rows.sql.ts";

/**
 * Implements `DatabaseDriver.importRows`: as a login that is made for it, which the database lets see and write this
 * environment's rows alone, whatever stands in the archive.
 */
export async function importRows(
  parts: DriverParts,
  context: DriverContext,
  place: RowsPlace,
  archive: AsyncIterable<Uint8Array>,
): Promise<ImportedRows> {
  const { server, database, environmentId } = place;
  const lock = `${database.name}/${environmentId}`;
  return withSession(parts.connect, context, server, lock, async (session) => {
    await requireDatabase(session, database.name);
    return session.inDatabase(database.name, (inside) =>
      inside.inspect(async (client) => {
        // Keeps migrations waiting.
        await client.query("begin");
        await keepMigrationsWaiting(client, place);
        const { imported, header } = await importAsLogin(parts, session, context, { client, place, archive });
        // The rows are there by now. Whoever is interrupted before this comes again, and puts them there once more.
        await context.assertLease();
        await client.query(`set local role ${id(parts.roles.seal)}`);
        await replaceCounters(client, environmentId, header.sequences);
        await client.query("commit");
        return imported;
      }),
    );
  });
}

/** `client` has our rights, and looks at nothing of the application's. */
type Importing = { client: pg.ClientBase; place: RowsPlace; archive: AsyncIterable<Uint8Array> };

async function importAsLogin(
  parts: DriverParts,
  session: Session,
  context: DriverContext,
  { client, place, archive }: Importing,
) {
  const { database, schema } = place;
  const shared = { ...place, appId: schema.appId, sealKey: database.sealKey! };
  const unfired = await maySetOffTriggers(session);
  let header: ArchiveHeader | undefined;
  const work = async (login: pg.Client): Promise<ImportedRows> => {
    const imported = await takeArchive(archive, async (found) => {
      header = found;
      return openTable(login, { client, place, header, unfired });
    });
    await context.assertLease();
    await login.query("commit");
    return imported;
  };
  const imported = await asEnvironment(parts, session, context, shared, work, { withoutTriggers: true });
  return { imported, header: header! };
}

/** Sees to it that the archive fits, and begins. */
async function openTable(
  login: pg.Client,
  {
    client,
    place,
    header,
    unfired,
  }: Omit<Importing, "archive"> & { header: ArchiveHeader; unfired: boolean },
) {
  requireSameSchema(header, place);
  await login.query("begin");
  const scope = await settle(login);
  const tables = matchTables(header, await selectRowsTables(scope));
  requireSameSequences(header, await selectCounters(client, place.environmentId));
  const pointers = (await selectPointers(scope)).filter(({ late }) => !late);
  await refuseWhatActs(scope, { unfired, tables, pointers });
  await takeOut(login, tables);
  const ofItself = pointers.filter(({ from, to }) => from === to).map(({ from }) => from);
  return inserting(login, { header, tables, wholly: new Set(unfired ? [] : ofItself) });
}

/** Where triggers can't be kept from firing, a schema must have none, and no references that rows can't meet in order. */
async function refuseWhatActs(
  scope: Scope,
  {
    unfired,
    tables,
    pointers,
  }: { unfired: boolean; tables: readonly RowsTable[]; pointers: readonly { from: number; to: number }[] },
): Promise<void> {
  const refusals: Refusal[] = [...(await selectOwnPolicies(scope)), ...(await selectFiring(scope, unfired))];
  if (!unfired) {
    const order = new Map(tables.map(({ oid }, index) => [oid, index]));
    for (const { from, to } of pointers) {
      if (from === to || order.get(to)! < order.get(from)!) continue;
      const problem = "its foreign key stands in a circle, and isn't DEFERRABLE";
      refusals.push({ object: tables[order.get(from)!]!.name, problem });
    }
  }
  if (refusals.length === 0) return;
  const sentences = refusals.slice(0, 3).map(({ object, problem }) => `${object}: ${problem}.`);
  throw failure("rows_not_portable", {
    detail: sentences.join(" "),
    ...(!unfired && {
      remedy:
        "Have a superuser of the server GRANT SET ON PARAMETER session_replication_role TO Tenantry's role, or choose another level for the copy.",
    }),
  });
}
