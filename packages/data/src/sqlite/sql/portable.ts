import type { Schema } from "./model.ts";
import type { PgType } from "./pg-type.ts";

/** A table whose rows go from database to database, with what of it isn't computed. */
export type PortableTable = {
  name: string;
  /** `type` is written as PostgreSQL's catalog writes it. */
  columns: { name: string; type: string; held: PgType }[];
  /** What counts in it, by PostgreSQL's name; there is one at most. */
  sequence: string | undefined;
  /** The tables that its rows point to. */
  pointsTo: string[];
};

/** By name, as PostgreSQL's catalog would be read. */
export function portableTables(schema: Schema): PortableTable[] {
  const tables = Object.values(schema.tables).map(({ name, columns, foreignKeys }) => ({
    name,
    columns: columns
      .filter(({ generated }) => generated === undefined)
      .map((column) => ({ name: column.name, type: column.declared ?? column.type.name, held: column.type })),
    sequence: columns.find(({ identity }) => identity)?.sequence,
    pointsTo: [...new Set(foreignKeys.map(({ table }) => table))],
  }));
  return tables.sort((left, right) => (left.name < right.name ? -1 : 1));
}
