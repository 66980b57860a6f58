import { heldField, type PortableTable, type SqliteValue } from "@tenantry/data";
import { databaseErrorCode } from "../../../infra/db/index.ts";
import type { ArchiveHeader } from "../common/rows/archive.ts";
import { readCopyRows } from "../common/rows/copy-text.ts";
import {
  matchTables,
  mismatch,
  notPortable,
  requireSameSchema,
  requireSameSequences,
} from "../common/rows/fits.ts";
import { type RowsTaker, takeArchive } from "../common/rows/import-rows.ts";
import type { DriverContext, ImportedRows, RowsPlace } from "../driver.ts";
import type { FileTransaction } from "./file-session.ts";
import type { SqliteParts } from "./parts.ts";
import { fileOfRows, requireSameMigrations, tablesOf } from "./portable-rows.ts";
import { deleteAll, insertOne, selectBrokenReference, setCounter } from "./rows.sql.ts";

/**
 * Implements `DatabaseDriver.importRows`: in one transaction, which others see whole or not at all. Foreign keys are looked
 * at when all rows are there.
 */
export async function importRows(
  parts: SqliteParts,
  context: DriverContext,
  place: RowsPlace,
  archive: AsyncIterable<Uint8Array>,
): Promise<ImportedRows> {
  const { signal } = context;
  const tables = await tablesOf(place.schema);
  return parts.files({ ...(await fileOfRows(parts, place)), signal }, (file) =>
    file.transaction("write", async (transaction) => {
      await requireSameMigrations(transaction, place);
      let header: ArchiveHeader | undefined;
      const imported = await takeArchive(archive, async (found) => {
        header = found;
        const matched = fitting(found, place, tables);
        for (const { name } of [...tables].reverse()) await transaction.rows(deleteAll(name));
        return inserting(transaction, found, matched);
      });
      const broken = await selectBrokenReference(transaction);
      if (broken)
        throw mismatch(`a row of ${broken.table} points to one of ${broken.points} that isn't there`);
      await setCounters(transaction, tables, header!);
      await context.assertLease();
      return imported;
    }),
  );
}

/** The file's table for each of the archive's. Throws `archive_mismatch` unless they are the same ones. */
function fitting(
  header: ArchiveHeader,
  place: RowsPlace,
  tables: readonly PortableTable[],
): readonly PortableTable[] {
  requireSameSchema(header, place);
  requireSameSequences(
    header,
    tables.flatMap(({ sequence }) => (sequence === undefined ? [] : { name: sequence })),
  );
  return matchTables(header, tables);
}

async function setCounters(
  transaction: FileTransaction,
  tables: readonly PortableTable[],
  { sequences }: ArchiveHeader,
): Promise<void> {
  for (const { name, sequence } of tables) {
    const stands = sequences.find((one) => one.name === sequence);
    if (!stands) continue;
    const last = BigInt(stands.lastValue);
    await setCounter(transaction, name, stands.called ? last : last - 1n);
  }
}

function inserting(
  transaction: FileTransaction,
  header: ArchiveHeader,
  tables: readonly PortableTable[],
): RowsTaker {
  let [table, statement, count] = [tables[0]!, "", 0];
  let columns: PortableTable["columns"] = [];
  let putting: Promise<void> = Promise.resolve();
  async function put(rows: SqliteValue[][]): Promise<void> {
    await transaction.each(statement, rows);
    count += rows.length;
  }
  return {
    begin(number) {
      table = tables[number]!;
      const known = new Map(table.columns.map((column) => [column.name, column]));
      columns = header.tables[number]!.columns.map(({ name }) => known.get(name)!);
      statement = insertOne(
        table.name,
        columns.map(({ name }) => name),
      );
      count = 0;
    },
    async take(data) {
      const rows = readCopyRows(data).map((row) => held(table.name, columns, row));
      // While these are put in, the next ones are read.
      await putting;
      putting = put(rows);
      putting.catch(() => undefined);
    },
    async end() {
      await putting;
      return count;
    },
  };
}

/** A row as the file holds it. Throws `rows_not_portable` with table and column for a value that it can't hold. */
function held(
  table: string,
  columns: PortableTable["columns"],
  row: readonly (string | null)[],
): SqliteValue[] {
  return columns.map(({ name, held: type }, index) => {
    try {
      return heldField(row[index] ?? null, type);
    } catch (error) {
      if (databaseErrorCode(error) === undefined) throw error;
      const problem = `a value that the level sqlite can't hold: ${(error as Error).message.replace(/\.$/, "")}`;
      throw notPortable([{ object: `${table}.${name}`, problem }]);
    }
  });
}
