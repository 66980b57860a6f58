import type { CatalogObject, Place, TableObject } from "../../../catalog/catalog.ts";
import type { Known } from "../../../catalog/order.ts";
import type { State } from "../../../catalog/read-state.ts";
import { reference } from "../../quote.ts";
import { spansEnvironments } from "../hidden-column.ts";

/** A thing that is there before and after, maybe under another name. */
export type Pair<Kind extends CatalogObject = CatalogObject> = { node: string; before: Kind; after: Kind };

/** Two states side by side. What was made anew as it was counts as kept. */
export type Delta = {
  before: State;
  after: State;
  /** In an order in which they could be made. */
  dropped: Known[];
  created: Known[];
  kept: Pair[];
  /** Nodes of tables by how they are referred to. */
  tableBefore(place: Place): string | undefined;
  tableAfter(place: Place): string | undefined;
};

/** What has a life of its own, and is made at all: defaults and sequences are looked at by themselves. */
const followed = ({ object }: Known): boolean =>
  object.kind !== "default" &&
  object.kind !== "sequence" &&
  !(object.kind === "index" && spansEnvironments(object));

export function deltaOf(before: State, after: State): Delta {
  const earlier = new Map(before.known.map((known) => [known.node, known]));
  const later = new Set(after.known.map(({ node }) => node));
  const kept: Pair[] = [];
  for (const { node, object } of after.known.filter(followed)) {
    const was = earlier.get(node);
    if (was) kept.push({ node, before: was.object, after: object });
  }
  const dropped = before.known.filter((known) => followed(known) && !later.has(known.node));
  const created = after.known.filter((known) => followed(known) && !earlier.has(known.node));
  const same = madeAnew(dropped, created);
  const [tablesBefore, tablesAfter] = [tableNodes(before), tableNodes(after)];
  return {
    before,
    after,
    dropped: dropped.filter(({ node }) => !same.has(node)),
    created: created.filter(({ node }) => !same.has(node)),
    kept,
    tableBefore: (place) => tablesBefore.get(reference(place)),
    tableAfter: (place) => tablesAfter.get(reference(place)),
  };
}

/** A column's new type has PostgreSQL drop and make again the keys and indexes that it is in. */
function madeAnew(dropped: readonly Known[], created: readonly Known[]): Set<string> {
  const found = new Set<string>();
  for (const gone of dropped) {
    if (gone.object.kind !== "constraint" && gone.object.kind !== "index") continue;
    const text = JSON.stringify(gone.object);
    const again = created.find(({ object }) => JSON.stringify(object) === text);
    if (again) for (const { node } of [gone, again]) found.add(node);
  }
  return found;
}

function tableNodes(state: State): Map<string, string> {
  return new Map(
    state.known.flatMap(({ node, object }) => (object.kind === "table" ? [[reference(object), node]] : [])),
  );
}

export const tablesOf = (state: State): TableObject[] =>
  state.known.flatMap(({ object }) => (object.kind === "table" ? [object] : []));

export const isPairOf = <Kind extends CatalogObject["kind"]>(
  pair: Pair,
  ...kinds: Kind[]
): pair is Pair<Extract<CatalogObject, { kind: Kind }>> =>
  (kinds as string[]).includes(pair.after.kind) && pair.before.kind === pair.after.kind;

/** Columns before and after by the number that they keep. */
export function columnsOf(delta: Delta, pair: Pair<TableObject>) {
  const numbered = (state: State, table: TableObject) =>
    new Map(
      (state.parts.get(pair.node) ?? []).map(({ number, name }) => [
        number,
        table.columns.find((column) => column.name === name)!,
      ]),
    );
  return { before: numbered(delta.before, pair.before), after: numbered(delta.after, pair.after) };
}

export const differ = (one: unknown, other: unknown): boolean =>
  JSON.stringify(one) !== JSON.stringify(other);

/** Numbers of columns and attributes that have another type than before, not only one that is called otherwise. */
export function retypedParts(before: State, after: State, node: string): Set<number> {
  const types = new Map(before.parts.get(node)?.map(({ number, type }) => [number, type]));
  const parts = after.parts.get(node) ?? [];
  return new Set(
    parts.flatMap(({ number, type }) => (types.has(number) && types.get(number) !== type ? [number] : [])),
  );
}
