import type { Place, TableObject } from "../../../catalog/catalog.ts";
import type { State } from "../../../catalog/read-state.ts";
import { comment } from "../../objects.ts";
import { id, reference } from "../../quote.ts";
import { sealTable, unsealTable } from "../tables.ts";
import { type Delta, differ, isPairOf, type Pair, tablesOf } from "./delta.ts";
import type { Makers } from "./step.ts";

/** Nodes of tables that became a partition, or no longer are one. */
export function partitionChanges(delta: Delta): { attached: Set<string>; detached: Set<string> } {
  const [attached, detached] = [new Set<string>(), new Set<string>()];
  for (const pair of delta.kept) {
    if (!isPairOf(pair, "table") || !movesAsPartition(delta, pair)) continue;
    if (pair.before.partitionOf) detached.add(pair.node);
    if (pair.after.partitionOf) attached.add(pair.node);
  }
  return { attached, detached };
}

function movesAsPartition(delta: Delta, { before, after }: Pair<TableObject>): boolean {
  const [from, to] = [before.partitionOf, after.partitionOf];
  if (!from || !to) return from !== to;
  return from.bound !== to.bound || delta.tableBefore(from.parent) !== delta.tableAfter(to.parent);
}

/** What is said of a table beside its columns. */
export function tableChanges(delta: Delta, makers: Makers): string[] {
  return delta.kept.flatMap((pair) => {
    if (!isPairOf(pair, "table")) return [];
    const { before, after } = pair;
    const alter = `alter table ${reference(after)}`;
    const statements = [
      ...comment(
        "table",
        reference(after),
        differ(before.comment, after.comment) ? (after.comment ?? "") : undefined,
      ),
      ...optionChanges(alter, before.options, after.options),
    ];
    if (before.unlogged !== after.unlogged)
      statements.push(`${alter} set ${after.unlogged ? "un" : ""}logged`);
    if (before.replicaIdentity !== after.replicaIdentity) {
      statements.push(`${alter} replica identity ${after.replicaIdentity ?? "default"}`);
    }
    if ((before.rowSecurity === "off") !== (after.rowSecurity === "off")) {
      statements.push(...unsealTable(after), ...sealTable(after, makers.seal));
    }
    return [...statements, ...moves(delta, pair)];
  });
}

function optionChanges(alter: string, before: readonly string[], after: readonly string[]): string[] {
  const nameOf = (option: string) => option.slice(0, option.indexOf("="));
  const set = after.filter((option) => !before.includes(option));
  const gone = before.map(nameOf).filter((name) => !after.some((option) => nameOf(option) === name));
  return [
    ...(set.length > 0 ? [`${alter} set (${set.join(", ")})`] : []),
    ...(gone.length > 0 ? [`${alter} reset (${gone.map(id).join(", ")})`] : []),
  ];
}

function moves(delta: Delta, pair: Pair<TableObject>): string[] {
  if (!movesAsPartition(delta, pair)) return [];
  const { before, after } = pair;
  const name = reference(after);
  const { partitionOf: from } = before;
  const { partitionOf: to } = after;
  const parentNow = from && nameNow(delta, from.parent);
  const family = to ? relatives(delta.after, [after, to.parent]) : [];
  return [
    ...(parentNow ? [`alter table ${reference(parentNow)} detach partition ${name}`] : []),
    ...(to
      ? unforced(family, [`alter table ${reference(to.parent)} attach partition ${name} ${to.bound}`])
      : []),
  ];
}

function nameNow(delta: Delta, place: Place): Place | undefined {
  const node = delta.tableBefore(place);
  const found = delta.after.known.find((known) => known.node === node)?.object;
  return found?.kind === "table" ? found : undefined;
}

/** Tables with all of their partitions, and what their foreign keys point to or come from, with theirs. */
export function relatives(state: State, places: readonly Place[]): Place[] {
  const names = new Set(places.map(reference));
  for (const { object } of state.known) {
    if (object.kind !== "constraint" || !object.foreignKey) continue;
    const ends = [reference(object.table), reference(object.foreignKey.target)];
    if (ends.some((end) => places.some((place) => reference(place) === end))) {
      for (const end of ends) names.add(end);
    }
  }
  return withPartitions(state, names);
}

export function withPartitions(state: State, names: ReadonlySet<string>): Place[] {
  const found = new Map<string, Place>();
  const tables = tablesOf(state);
  const take = (table: TableObject): void => {
    if (found.has(reference(table))) return;
    found.set(reference(table), table);
    for (const part of tables) {
      if (part.partitionOf && reference(part.partitionOf.parent) === reference(table)) take(part);
    }
  };
  for (const table of tables) if (names.has(reference(table))) take(table);
  return [...found.values()];
}

/**
 * PostgreSQL checks a foreign key by a query of the owner, which the policies would leave without rows, or with one
 * environment's alone. For these statements, and within the transaction that keeps everybody else out, they don't bind
 * the owner.
 */
export function unforced(tables: readonly Place[], statements: readonly string[]): string[] {
  if (statements.length === 0) return [];
  const each = (verb: string) =>
    tables.map((table) => `alter table ${reference(table)} ${verb} row level security`);
  return [...each("no force"), ...statements, ...each("force")];
}
