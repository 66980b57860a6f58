import { failure } from "../../../../kernel/index.ts";
import type { DriverContext, ImportedRows, RowsPlace, RowsSink, RowsTally } from "../../driver.ts";
import { lookFrom, type Reader, type Scope, selectExtensions, selectSchemas } from "../catalog/scope.sql.ts";
import { selectDatabase } from "../databases.sql.ts";
import { selectLedger } from "../ledger.sql.ts";
import { asMigrator, asReader, type MigrationPlace } from "../migrator.ts";
import type { DriverParts } from "../parts.ts";
import { type Session, withSession } from "../session.ts";
import { exportFrom } from "./export-rows.ts";
import { notPortable } from "./fits.ts";
import { importInto } from "./import-rows.ts";
import {
  countLargeObjects,
  selectArchiveSequences,
  selectUnportable,
  settleSession,
} from "./relations.sql.ts";
import { underPolicies } from "./under-policies.ts";

/** Where an environment's tables are, and nobody else's. */
export type OwnRows = {
  /** Under whose name everybody takes his lock who changes the place. */
  lock: string;
  /** Where and as whom migrations run: an import works likewise. */
  migration: MigrationPlace;
  home: string;
  /** Nothing but the home schema is the environment's. */
  homeOnly: boolean;
  /** Whose large objects would be the environment's; all there are when left out. */
  ownersOfLargeObjects?: (inside: Session) => Promise<string[]>;
};

/** Implements `DatabaseDriver.exportRows` where an environment has its tables to itself. */
export async function exportOwn(
  parts: DriverParts,
  context: DriverContext,
  { place, own, sink }: { place: RowsPlace; own: OwnRows; sink: RowsSink },
): Promise<RowsTally> {
  return withSession(parts.connect, context, place.server, own.lock, async (session) => {
    await requireDatabase(session, own.migration.database);
    const owners = await session.inDatabase(own.migration.database, async (inside) => {
      await inside.inspect((client) => requireLedger(client, own.migration.ledger, place));
      return own.ownersOfLargeObjects?.(inside);
    });
    // Reading is enough to set the application's own functions to work: those that indexes are made of, for one.
    return asReader(session, { ...parts, context, server: place.server, ...own.migration }, ({ client }) => {
      const { signal } = context;
      return underPolicies({ client, reader: own.migration.migrator, signal }, async (forced) => {
        await client.query("begin isolation level repeatable read read only");
        const scope = await settle(client, own);
        if (forced) await client.query("set local row_security = on");
        await refuseUnportable(scope, owners);
        const sequences = () => selectArchiveSequences(scope);
        const tally = await exportFrom({ client, scope, place, sink, sequences });
        await client.query("commit");
        return tally;
      });
    });
  });
}

/**
 * Implements `DatabaseDriver.importRows` where an environment has its tables to itself: as their owner, since rows may set
 * the application's own functions to work.
 */
export async function importOwn(
  parts: DriverParts,
  context: DriverContext,
  { place, own, archive }: { place: RowsPlace; own: OwnRows; archive: AsyncIterable<Uint8Array> },
): Promise<ImportedRows> {
  const { server } = place;
  return withSession(parts.connect, context, server, own.lock, async (session) => {
    const { database, ledger } = own.migration;
    await requireDatabase(session, database);
    await session.inDatabase(database, (inside) =>
      inside.inspect((client) => requireLedger(client, ledger, place)),
    );
    return asMigrator(session, { ...parts, context, server, ...own.migration }, async ({ client }) => {
      await client.query("begin");
      const scope = await settle(client, own);
      const imported = await importInto({ client, scope, place }, archive);
      await context.assertLease();
      await client.query("commit");
      return imported;
    });
  });
}

async function settle(client: Reader, own: OwnRows): Promise<Scope> {
  const extensions = await selectExtensions(client);
  const schemas = own.homeOnly ? [own.home] : await selectSchemas(client);
  await lookFrom(client, [...new Set([own.home, ...extensions.map(({ schema }) => schema)])]);
  await settleSession(client);
  return { client, home: own.home, schemas };
}

export async function requireDatabase(session: Session, name: string): Promise<void> {
  const facts = await selectDatabase(session, name);
  if (facts?.allowsConnections) return;
  throw failure("environment_unavailable", { detail: `The database ${name} isn't there.` });
}

/** The database's own records say which migrations its rows have been through. */
export async function requireLedger(
  client: Parameters<typeof selectLedger>[0],
  ledger: string,
  { schema }: Pick<RowsPlace, "schema">,
): Promise<void> {
  const entries = await selectLedger(client, ledger);
  const same =
    entries.length === schema.migrations.length &&
    entries.every(({ finished, name, checksum }, index) => {
      const migration = schema.migrations[index]!;
      return finished && migration.name === name && migration.checksum === checksum;
    });
  if (!same) throw failure("unavailable", { detail: "The database is being migrated." });
}

async function refuseUnportable(scope: Scope, owners: readonly string[] | undefined): Promise<void> {
  const refusals = await selectUnportable(scope);
  const count = await countLargeObjects(scope.client, owners);
  if (count > 0) {
    const object = count === 1 ? "One large object" : `${count} large objects`;
    const problem =
      "its number is its database's own; keep such content in files, or in columns of type bytea";
    refusals.push({ object, problem });
  }
  if (refusals.length > 0) throw notPortable(refusals);
}
