import type { CatalogObject } from "./catalog.ts";

/** A thing as it was found: `node` tells it from all others, `age` grows with the time at which it was made. */
export type Found<Thing> = Thing & { node: string; age: string };

/** A thing of a catalog, and what tells it from all others as long as it exists, whatever it is called. */
export type Known = { node: string; object: CatalogObject };

/** What comes first when nothing else decides: rows go in before whatever would check or react to them. */
const ranks: { [kind in CatalogObject["kind"]]: number } = {
  schema: 0,
  enum: 1,
  domain: 1,
  composite: 1,
  range: 1,
  table: 1,
  sequence: 1,
  default: 1,
  function: 1,
  procedure: 1,
  constraint: 2,
  index: 2,
  view: 2,
  "materialized-view": 2,
  statistics: 2,
  policy: 3,
  trigger: 3,
};

function rankOf(thing: CatalogObject): number {
  // These rely on the keys and rows of other tables, or may be broken by rows that are there.
  if (thing.kind === "constraint" && (thing.type === "foreign" || !thing.validated)) return 3;
  return ranks[thing.kind];
}

/**
 * Puts things into an order in which they can be made: each after what it needs, else by rank and age. What needs each
 * other in a circle (PostgreSQL allows that in few cases) comes by rank and age.
 */
export function inOrder(
  things: readonly Found<CatalogObject>[],
  dependencies: readonly { node: string; needs: string }[],
): Known[] {
  const waiting = new Map([...things].sort(earlier).map((thing) => [thing.node, thing]));
  const needs = new Map<string, Set<string>>();
  for (const { node, needs: needed } of dependencies) {
    if (!waiting.has(node) || !waiting.has(needed)) continue;
    const known = needs.get(node);
    if (known) known.add(needed);
    else needs.set(node, new Set([needed]));
  }
  const ordered: Known[] = [];
  const isFree = (thing: Found<CatalogObject>) =>
    [...(needs.get(thing.node) ?? [])].every((needed) => !waiting.has(needed));
  while (waiting.size > 0) {
    const next = [...waiting.values()].find(isFree) ?? [...waiting.values()][0]!;
    waiting.delete(next.node);
    const { node, age, ...thing } = next;
    ordered.push({ node, object: thing as CatalogObject });
  }
  return ordered;
}

function earlier(a: Found<CatalogObject>, b: Found<CatalogObject>): number {
  return rankOf(a) - rankOf(b) || Number(a.age) - Number(b.age);
}
