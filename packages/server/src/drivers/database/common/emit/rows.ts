import type { CatalogObject, SequenceObject, TableRows } from "../catalog/catalog.ts";
import { listOf, reference, text } from "./quote.ts";

const rowsAStatement = 500;

/** Statements that put rows back. All of a table go in one statement when `whole`. */
export function insertRows(rows: TableRows, whole = false): string[] {
  const statements: string[] = [];
  const size = whole ? rows.rows.length : rowsAStatement;
  for (let at = 0; at < rows.rows.length; at += size) {
    const values = rows.rows.slice(at, at + size).map((row) => `(${row.join(", ")})`);
    statements.push(
      rows.columns.length === 0
        ? `insert into ${reference(rows.table)} default values`
        : `insert into ${reference(rows.table)} (${listOf(rows.columns)}) overriding system value values ${values.join(", ")}`,
    );
  }
  return statements;
}

/** Statements that put sequences where they stood. */
export function setSequences(objects: readonly CatalogObject[]): string[] {
  return sequencesOf(objects)
    .filter(({ called, lastValue, start }) => called || lastValue !== start)
    .map((sequence) => {
      const name = text(reference(sequence));
      return `select pg_catalog.setval(${name}::regclass, ${sequence.lastValue}, ${sequence.called})`;
    });
}

type Sequence = Pick<
  SequenceObject,
  "schema" | "name" | "start" | "increment" | "minimum" | "maximum" | "cycle" | "lastValue" | "called"
>;

/** Every sequence, those of identity columns among them. */
export function sequencesOf(objects: readonly CatalogObject[]): Sequence[] {
  return objects.flatMap((object): Sequence[] => {
    if (object.kind === "sequence") return [object];
    if (object.kind !== "table") return [];
    return object.columns.flatMap(({ identity }) => (identity ? [identity.sequence as Sequence] : []));
  });
}
