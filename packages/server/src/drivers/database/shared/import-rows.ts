import { createHash } from "node:crypto";
import type pg from "pg";
import { failure, hasCode } from "../../../kernel/index.ts";
import type { Scope } from "../common/catalog/scope.sql.ts";
import { id } from "../common/emit/quote.ts";
import { createLogins } from "../common/logins.ts";
import type { DriverParts } from "../common/parts.ts";
import { remove } from "../common/remove.ts";
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
import { newPassword } from "../common/scram.ts";
import {
  holderName,
  type Session,
  serverUnreachable,
  withAbortable,
  withSession,
} from "../common/session.ts";
import type { DriverContext, ImportedRows, RowsPlace } from "../driver.ts";
import { rowsLock, settle } from "./export-rows.ts";
import { beginInserting, inserting } from "./insert-rows.ts";
import { sharedLogins } from "./logins.ts";
import {
  asReplica,
  mayReplicate,
  replaceCounters,
  selectCounters,
  selectFiring,
  selectOwnPolicies,
} from "./rows.sql.ts";

type Importing = {
  parts: DriverParts;
  context: DriverContext;
  session: Session;
  place: RowsPlace;
  /** Has begun a transaction that keeps migrations waiting. */
  client: pg.ClientBase;
  scope: Scope;
};

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
  const { database, environmentId } = place;
  return withSession(parts.connect, context, place.server, rowsLock(place), async (session) => {
    await requireDatabase(session, database.name);
    return session.inDatabase(database.name, (inside) =>
      inside.inspect(async (client) => {
        await client.query("begin");
        const scope = await settle(client, place);
        const importing = { parts, context, session, place, client, scope };
        const { imported, header } = await importAsLogin(importing, archive);
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

async function importAsLogin(importing: Importing, archive: AsyncIterable<Uint8Array>) {
  const { parts, context, place, client, scope } = importing;
  const unfired = await mayReplicate(client);
  let header: ArchiveHeader | undefined;
  let login: pg.Client | undefined;
  try {
    const imported = await takeArchive(archive, async (found) => {
      header = found;
      requireSameSchema(header, place);
      const tables = matchTables(header, await selectRowsTables(scope));
      requireSameSequences(header, await selectCounters(client, place.environmentId));
      const pointers = (await selectPointers(scope)).filter(({ late }) => !late);
      await refuseWhatActs(scope, { unfired, tables, pointers });
      login = await openLogin(importing, unfired);
      await beginInserting(login, { scope, tables });
      const wholly = new Set(
        unfired ? [] : pointers.filter(({ from, to }) => from === to).map(({ from }) => from),
      );
      return inserting(login, { header, tables, wholly });
    });
    await context.assertLease();
    await withAbortable(login!, context.signal, async (open) => {
      await open.query("commit");
    });
    await removeOwnLogin(parts, context, place);
    return { imported, header: header! };
  } catch (error) {
    await login?.end().catch(() => undefined);
    // After anything but an answer a repetition cleans up, or whoever takes the environment's place away.
    if (answers.some((code) => hasCode(error, code))) await removeOwnLogin(parts, context, place);
    throw error;
  }
}

const answers = ["archive_damaged", "archive_mismatch", "rows_not_portable"] as const;

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

async function openLogin(importing: Importing, unfired: boolean): Promise<pg.Client> {
  const { parts, context, session, place } = importing;
  const { server, database, environmentId, schema } = place;
  const logins = createLogins(parts, sharedLogins(parts));
  const login = { roleName: logins.nameOf(loginIdOf(context, place)), password: newPassword() };
  await logins.place(context, { server, database, appId: schema.appId, environmentId, login });
  if (unfired) await session.change(asReplica(login.roleName, database.name));
  const state = () => Promise.resolve({ open: true });
  await logins.align(context, { server, roleName: login.roleName, state });
  const client = await parts
    .connect({
      connectionString: logins.url(server, database, login),
      application_name: holderName(context),
      connectionTimeoutMillis: 10_000,
    })
    .catch((cause: unknown) => {
      throw serverUnreachable(cause);
    });
  context.signal.addEventListener("abort", () => void client.end().catch(() => undefined), { once: true });
  return client;
}

async function removeOwnLogin(parts: DriverParts, context: DriverContext, place: RowsPlace): Promise<void> {
  const name = createLogins(parts, sharedLogins(parts)).nameOf(loginIdOf(context, place));
  await remove(parts, context, { server: place.server, thing: { kind: "role", name } });
}

/** The same for every attempt of one operation at one environment; as a UUID of version 8. */
function loginIdOf({ operationId }: DriverContext, { environmentId }: RowsPlace): string {
  const hex = createHash("sha256").update(`rows ${operationId} ${environmentId}`).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
