import type pg from "pg";
import { id, listOf } from "../common/emit/quote.ts";
import type { ArchiveHeader } from "../common/rows/archive.ts";
import { arrayLiteral, readCopyRows } from "../common/rows/copy-text.ts";
import { notPortable, placeName } from "../common/rows/fits.ts";
import type { RowsTaker } from "../common/rows/import-rows.ts";
import type { RowsTable } from "../common/rows/relations.sql.ts";

/** How much of a table may be held to be inserted by one statement. */
const largestStatement = 64 * 1024 * 1024;

/** Takes out what the environment has, in the transaction that is open. */
export async function takeOut(login: pg.Client, tables: readonly RowsTable[]): Promise<void> {
  await login.query("set constraints all deferred");
  for (const table of [...tables].reverse()) await login.query(`delete from ${placeName(table)}`);
}

/**
 * Inserts rows, since PostgreSQL has no COPY into a table with row-level security. Tables of `wholly`, by oid, get theirs
 * by one statement each: their rows point to one another in any order.
 */
export function inserting(
  login: pg.Client,
  {
    header,
    tables,
    wholly,
  }: { header: ArchiveHeader; tables: readonly RowsTable[]; wholly: ReadonlySet<number> },
): RowsTaker {
  let table: RowsTable;
  let columns: ArchiveHeader["tables"][number]["columns"];
  let count = 0;
  let held: Buffer[] = [];
  async function insert(data: Buffer): Promise<void> {
    const rows = readCopyRows(data);
    if (columns.length === 0) {
      for (const _row of rows) await login.query(`insert into ${placeName(table)} default values`);
      count += rows.length;
      return;
    }
    const values = columns.map((_column, index) => arrayLiteral(rows.map((row) => row[index] ?? null)));
    const inserted = await login.query(insertStatement(table, columns), values);
    count += inserted.rowCount ?? 0;
  }
  return {
    begin(number) {
      table = tables[number]!;
      ({ columns } = header.tables[number]!);
      count = 0;
      held = [];
    },
    async take(data) {
      if (!wholly.has(table.oid)) return insert(data);
      held.push(data);
      if (held.reduce((size, piece) => size + piece.length, 0) <= largestStatement) return;
      const problem = "its rows point to one another, and are too many to be inserted by one statement";
      throw notPortable([{ object: table.name, problem }]);
    },
    async end() {
      if (held.length > 0) await insert(Buffer.concat(held));
      return count;
    },
  };
}

/** The types are those of the table itself, as it was compared with the archive. */
function insertStatement(table: RowsTable, columns: ArchiveHeader["tables"][number]["columns"]): string {
  const typeOf = new Map(table.columns.map(({ name, type }) => [name, type]));
  const names = listOf(columns.map(({ name }) => name));
  const values = columns.map(({ name }) => `v.${id(name)}::${typeOf.get(name)}`).join(", ");
  const arrays = columns.map((_column, index) => `$${index + 1}::text[]`).join(", ");
  return `insert into ${placeName(table)} (${names}) select ${values} from unnest(${arrays}) as v(${names})`;
}
