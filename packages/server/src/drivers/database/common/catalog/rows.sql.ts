import pg from "pg";
import type { TableObject, TableRows } from "./catalog.ts";
import type { Reader } from "./scope.sql.ts";

const id = pg.escapeIdentifier;

/** Rows of tables as literals; partitioned tables' rows stand in their partitions. */
export async function selectRows(
  client: Reader,
  tables: readonly TableObject[],
  home: string,
): Promise<TableRows[]> {
  const found: TableRows[] = [];
  for (const table of tables.filter(({ partitionKey }) => !partitionKey)) {
    const columns = table.columns.filter(({ generated }) => !generated).map(({ name }) => name);
    const relation = `${id(table.schema ?? home)}.${id(table.name)}`;
    // By the types' own output: a cast to text may be a function of the application.
    const literals = columns.map((column) => `format('%L', ${id(column)})`);
    const { rows } = await client.query<{ literals: string[] }>(
      `select array[${literals.join(", ")}]::text[] as literals from only ${relation} order by ctid`,
    );
    if (rows.length === 0) continue;
    const place = { schema: table.schema, name: table.name };
    found.push({ table: place, columns, rows: rows.map((row) => row.literals) });
  }
  return found;
}
