import type { Pointer } from "./relations.sql.ts";

/**
 * Puts each table behind those that its rows point to, as far as there is no circle; in one that isn't checked before the
 * end, behind those that are checked at once. Else they keep their order.
 */
export function orderTables<Table extends { oid: number }>(
  tables: readonly Table[],
  pointers: readonly Pointer[],
): Table[] {
  const waiting = new Map(tables.map((table) => [table.oid, table]));
  const ordered: Table[] = [];
  const isFree = ({ oid }: Table, isCounted: (pointer: Pointer) => boolean) =>
    pointers.every(
      (pointer) =>
        pointer.from !== oid || pointer.to === oid || !waiting.has(pointer.to) || !isCounted(pointer),
    );
  while (waiting.size > 0) {
    const left = [...waiting.values()];
    const next =
      left.find((table) => isFree(table, () => true)) ??
      left.find((table) => isFree(table, ({ late }) => !late)) ??
      left[0]!;
    ordered.push(next);
    waiting.delete(next.oid);
  }
  return ordered;
}
