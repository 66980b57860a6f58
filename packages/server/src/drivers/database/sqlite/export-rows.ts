import { copyLine, type PortableTable } from "@tenantry/data";
import { createArchiveWriter } from "../common/rows/archive.ts";
import { digestOf } from "../common/rows/fits.ts";
import type { DriverContext, RowsPlace, RowsSink, RowsTally } from "../driver.ts";
import type { FileTransaction } from "./file-session.ts";
import { selectScripts } from "./ledger.sql.ts";
import type { SqliteParts } from "./parts.ts";
import { fileOfRows, readCounters, requireSameMigrations, tablesOf } from "./portable-rows.ts";
import { selectAll } from "./rows.sql.ts";

/** Implements `DatabaseDriver.exportRows`: in one transaction that reads, beside which others write. */
export async function exportRows(
  parts: SqliteParts,
  { signal }: DriverContext,
  place: RowsPlace,
  sink: RowsSink,
): Promise<RowsTally> {
  const { schema } = place;
  const tables = await tablesOf(schema);
  return parts.files({ ...(await fileOfRows(parts, place)), signal }, (file) =>
    file.transaction("read", async (transaction) => {
      await requireSameMigrations(transaction, place);
      const writer = createArchiveWriter(sink.write);
      await writer.header({
        archive: "tenantry-rows",
        version: 1,
        app: schema.appId,
        schema: { version: schema.migrations.length, digest: digestOf(schema) },
        snapshot: null,
        runs: await selectScripts(transaction),
        takenAt: new Date().toISOString(),
        tables: tables.map(({ name, columns }) => ({
          name,
          columns: columns.map((column) => ({ name: column.name, type: column.type })),
        })),
        sequences: await readCounters(transaction, tables),
      });
      for (const table of tables) await writeTable(transaction, table, { writer, sink, of: tables.length });
      await writer.end();
      return { ...writer.tally };
    }),
  );
}

type Writing = { writer: ReturnType<typeof createArchiveWriter>; sink: RowsSink; of: number };

async function writeTable(
  transaction: FileTransaction,
  table: PortableTable,
  { writer, sink, of }: Writing,
): Promise<void> {
  const types = table.columns.map(({ held }) => held);
  let [count, written] = [0, 0];
  for await (const rows of transaction.read(selectAll(table))) {
    const data = Buffer.from(rows.map((row) => copyLine(row, types)).join(""));
    await writer.rows(data);
    count += rows.length;
    written += data.length;
    const { tables, rows: before, bytes } = writer.tally;
    await sink.progress?.({ tables, rows: before + count, bytes: bytes + written }, of);
  }
  await writer.endTable(count);
}
