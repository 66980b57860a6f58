import type { Column, SequenceOptions, TableObject } from "../catalog/catalog.ts";
import { id, reference } from "./quote.ts";

/** Statements that make a table with its columns, without defaults, constraints and indexes. */
export function createTable(table: TableObject, columns: readonly string[]): string {
  const unlogged = table.unlogged ? "unlogged " : "";
  const head = `create ${unlogged}table ${reference(table)}`;
  const tail = [
    table.partitionKey && ` partition by ${table.partitionKey}`,
    table.options.length > 0 && ` with (${table.options.join(", ")})`,
  ];
  const end = tail.filter(Boolean).join("");
  if (table.partitionOf) {
    return `${head} partition of ${reference(table.partitionOf.parent)} ${table.partitionOf.bound}${end}`;
  }
  const inherits = table.inherits.length > 0 ? ` inherits (${table.inherits.map(reference).join(", ")})` : "";
  return `${head} (${columns.join(", ")})${inherits}${end}`;
}

/** A column as it stands between the parentheses of CREATE TABLE. */
export function columnDefinition(column: Column): string {
  const parts = [id(column.name), column.type];
  if (column.collation) parts.push(`collate ${column.collation}`);
  if (column.generated) {
    const kind = column.generated.stored ? "stored" : "virtual";
    parts.push(`generated always as (${column.generated.expression}) ${kind}`);
  }
  if (column.identity) {
    const { always, sequence } = column.identity;
    const name = `sequence name ${reference(sequence)}`;
    parts.push(
      `generated ${always ? "always" : "by default"} as identity (${name} ${sequenceOptions(sequence)})`,
    );
  }
  if (column.notNull) parts.push("not null");
  return parts.join(" ");
}

export function sequenceOptions(options: SequenceOptions): string {
  const { start, increment, minimum, maximum, cache, cycle } = options;
  return `start with ${start} increment by ${increment} minvalue ${minimum} maxvalue ${maximum} cache ${cache}${
    cycle ? " cycle" : ""
  }`;
}
