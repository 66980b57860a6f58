import type { Catalog, ConstraintObject, TableRows } from "../../catalog/catalog.ts";
import { reference } from "../quote.ts";
import { insertRows } from "../rows.ts";

/**
 * Statements that give one environment the rows that the migrations left, one for each table, those that others point to
 * first; to run where that environment is entered.
 */
export function seedStatements(catalog: Catalog): { statements: string[]; circular: string[] } {
  const waiting = new Map(catalog.rows.map((rows) => [reference(rows.table), rows]));
  const keys = catalog.objects.filter(
    (object): object is ConstraintObject => object.kind === "constraint" && object.type === "foreign",
  );
  const ordered: TableRows[] = [];
  const circular: string[] = [];
  const isFree = (name: string) =>
    keys.every(({ table, foreignKey, deferrable }) => {
      const target = reference(foreignKey!.target);
      return (
        reference(table) !== name || target === name || deferrable === "deferred" || !waiting.has(target)
      );
    });
  while (waiting.size > 0) {
    let name = [...waiting.keys()].find(isFree);
    if (name === undefined) {
      name = [...waiting.keys()][0]!;
      circular.push(name);
    }
    ordered.push(waiting.get(name)!);
    waiting.delete(name);
  }
  return { statements: ordered.flatMap((rows) => insertRows(rows, true)), circular };
}
