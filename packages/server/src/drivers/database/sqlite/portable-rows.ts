import { type PortableTable, portableTables } from "@tenantry/data";
import { failure } from "../../../kernel/index.ts";
import type { ArchiveSequence } from "../common/rows/archive.ts";
import { orderTables } from "../common/rows/order-tables.ts";
import type { AppSchema, RowsPlace } from "../driver.ts";
import { requirePlaces } from "./directory.ts";
import type { FileTransaction } from "./file-session.ts";
import { requireSound } from "./inspect.ts";
import { selectLedger } from "./ledger.sql.ts";
import { appOf } from "./names.ts";
import type { FilePlace, OpenFile } from "./open-file.ts";
import { ownerFor, type SqliteParts } from "./parts.ts";
import { selectCounter } from "./rows.sql.ts";
import { translate } from "./translate.ts";

/** The file in which an environment's rows are; `environment_unavailable` where there is none. */
export async function fileOfRows(parts: SqliteParts, { server, database }: RowsPlace): Promise<FilePlace> {
  const path = (await requirePlaces(server)).fileOf(database.name);
  await requireSound(path, await ownerFor(parts, appOf(database.name)));
  return { path, encryptionKey: database.encryptionKey };
}

/** What an application's migrations make of tables with rows to be taken along, each behind those it points to. */
export async function tablesOf(appSchema: AppSchema): Promise<PortableTable[]> {
  const tables = portableTables((await translate(appSchema)).schema);
  const numbered = tables.map((table, oid) => ({ ...table, oid }));
  const numberOf = new Map(numbered.map(({ name, oid }) => [name, oid]));
  const pointers = numbered.flatMap(({ oid, pointsTo }) =>
    pointsTo.map((name) => ({ from: oid, to: numberOf.get(name)!, late: false })),
  );
  return orderTables(numbered, pointers);
}

/** The file's own records say which migrations its rows have been through, in the transaction that is open. */
export async function requireSameMigrations(
  { rows }: Pick<OpenFile, "rows">,
  { schema }: Pick<RowsPlace, "schema">,
): Promise<void> {
  const entries = await selectLedger({ rows });
  const same =
    entries.length === schema.migrations.length &&
    entries.every(({ name, checksum }, index) => {
      const migration = schema.migrations[index]!;
      return migration.name === name && migration.checksum === checksum;
    });
  if (!same) throw failure("unavailable", { detail: "The database is being migrated." });
}

/** Where the tables' counters stand, as the sequences that PostgreSQL has for them. */
export async function readCounters(
  transaction: FileTransaction,
  tables: readonly PortableTable[],
): Promise<ArchiveSequence[]> {
  const sequences: ArchiveSequence[] = [];
  for (const { name: table, sequence: name } of tables) {
    if (name === undefined) continue;
    const last = await selectCounter(transaction, table);
    sequences.push({ name, lastValue: last > 0n ? String(last) : "1", called: last > 0n });
  }
  return sequences.sort((left, right) => (left.name < right.name ? -1 : 1));
}
