import type { PortableTable } from "@tenantry/data";
import type { FileTransaction } from "./file-session.ts";

const name = (identifier: string): string => `"${identifier.replaceAll('"', '""')}"`;
const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;

export const selectAll = ({ name: table, columns }: PortableTable): string =>
  `select ${columns.map((column) => name(column.name)).join(", ") || "null"} from ${name(table)}`;

export const deleteAll = (table: string): string => `delete from ${name(table)}`;

export function insertOne(table: string, columns: readonly string[]): string {
  if (columns.length === 0) return `insert into ${name(table)} default values`;
  const values = columns.map((_column, index) => `?${index + 1}`).join(", ");
  return `insert into ${name(table)} (${columns.map(name).join(", ")}) values (${values})`;
}

/** The number that a table gave last; 0 before the first. */
export async function selectCounter({ rows }: FileTransaction, table: string): Promise<bigint> {
  const [row] = await rows(`select seq from sqlite_sequence where name = ${text(table)}`);
  return BigInt((row?.[0] as bigint | null | undefined) ?? 0n);
}

export async function setCounter({ rows }: FileTransaction, table: string, last: bigint): Promise<void> {
  await rows(`delete from sqlite_sequence where name = ${text(table)}`);
  await rows(`insert into sqlite_sequence (name, seq) values (${text(table)}, ${last})`);
}

/** The first row whose reference leads nowhere: its table, and the one that it means. */
export async function selectBrokenReference({
  rows,
}: FileTransaction): Promise<{ table: string; points: string } | undefined> {
  const [row] = await rows(`select "table", parent from pragma_foreign_key_check limit 1`);
  return row && { table: String(row[0]), points: String(row[1]) };
}
