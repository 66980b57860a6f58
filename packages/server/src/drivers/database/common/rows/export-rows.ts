import type pg from "pg";
import { to as copyTo } from "pg-copy-streams";
import type { RowsPlace, RowsSink, RowsTally } from "../../driver.ts";
import type { Scope } from "../catalog/scope.sql.ts";
import { id, reference } from "../emit/quote.ts";
import { type ArchiveSequence, type ArchiveTable, createArchiveWriter } from "./archive.ts";
import { countRows, inWholeRows } from "./copy-text.ts";
import { digestOf } from "./fits.ts";
import { orderTables } from "./order-tables.ts";
import { type RowsTable, selectPointers, selectRowsTables, selectSnapshot } from "./relations.sql.ts";

/** About as many bytes go on their way at a time. */
const pieceSize = 256 * 1024;

export type Exporting = {
  client: pg.ClientBase;
  scope: Scope;
  place: RowsPlace;
  sink: RowsSink;
  sequences: () => Promise<ArchiveSequence[]>;
};

/**
 * Writes everything that `client` sees in the scope, in the transaction that it is in: one that reads repeatably, and
 * shows the environment's rows alone.
 */
export async function exportFrom({ client, scope, place, sink, sequences }: Exporting): Promise<RowsTally> {
  const { snapshot, takenAt } = await selectSnapshot(client);
  const ordered = orderTables(await selectRowsTables(scope), await selectPointers(scope));
  const writer = createArchiveWriter(sink.write);
  await writer.header({
    archive: "tenantry-rows",
    version: 1,
    app: place.schema.appId,
    schema: { version: place.schema.migrations.length, digest: digestOf(place.schema) },
    snapshot,
    takenAt: takenAt.toISOString(),
    tables: ordered.map(shown),
    sequences: await sequences(),
  });
  for (const table of ordered) {
    const stream = client.query(copyTo(copyStatement(table, scope.home)));
    let [count, copied] = [0, 0];
    for await (const data of inWholeRows(stream, pieceSize)) {
      count += countRows(data);
      await writer.rows(data);
      const { tables, rows: before, bytes } = writer.tally;
      copied += data.length;
      await sink.progress?.({ tables, rows: before + count, bytes: bytes + copied }, ordered.length);
    }
    await writer.endTable(count);
  }
  await writer.end();
  return { ...writer.tally };
}

function copyStatement({ schema, name, partitioned, columns }: RowsTable, home: string): string {
  const from = `${partitioned ? "" : "only "}${reference({ schema: schema ?? home, name })}`;
  return `copy (select ${columns.map((column) => id(column.name)).join(", ")} from ${from}) to stdout`;
}

const shown = ({ schema, name, columns }: RowsTable): ArchiveTable => ({
  ...(schema !== null && { schema }),
  name,
  columns,
});
