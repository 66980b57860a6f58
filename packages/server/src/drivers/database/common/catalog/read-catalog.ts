import type { Catalog, CatalogObject, SequenceObject, TableObject } from "./catalog.ts";
import { selectConstraints, selectIndexes, selectPolicies, selectTriggers } from "./constraints.sql.ts";
import { type Dependency, selectDependencies } from "./dependencies.sql.ts";
import { liftForce, selectForcedTables } from "./forced.sql.ts";
import { type Found, inOrder, type Known } from "./order.ts";
import {
  type SequenceState,
  selectDefaults,
  selectSequenceStates,
  selectSequences,
  selectStatistics,
  selectTables,
  selectViews,
} from "./relations.sql.ts";
import { selectRoutines } from "./routines.sql.ts";
import { selectRows } from "./rows.sql.ts";
import { lookFrom, type Reader, type Scope, selectExtensions, selectSchemas } from "./scope.sql.ts";
import {
  selectComposites,
  selectDomains,
  selectEnums,
  selectRanges,
  selectSchemaObjects,
} from "./types.sql.ts";
import { selectUnsupported } from "./unsupported.sql.ts";

/**
 * Describes what an application's migrations made, in one snapshot, as whoever owns the database, which nobody else uses
 * meanwhile. `home` is the schema that the application takes for its own (`public` when left out); `only` leaves other
 * schemas out. Changes nothing.
 */
export async function readCatalog(
  client: Reader,
  options: { home?: string; only?: boolean } = {},
): Promise<Catalog> {
  const { home = "public", only = false } = options;
  const forced = await selectForcedTables(client);
  await client.query(`begin isolation level repeatable read ${forced.length > 0 ? "" : "read only"}`);
  try {
    const extensions = await selectExtensions(client);
    const schemas = only ? [home] : await selectSchemas(client);
    await lookFrom(client, [...new Set([home, ...extensions.map(({ schema }) => schema)])]);
    const { known, tables } = await readObjects({ client, home, schemas }, extensions);
    const objects = known.map(({ object }) => object);
    await liftForce(client, forced);
    return { extensions, objects, ...(await readRest({ client, home, schemas }, tables)) };
  } finally {
    await client.query("rollback");
  }
}

export async function readRest(
  scope: Scope,
  tables: readonly TableObject[],
): Promise<Pick<Catalog, "rows" | "unsupported">> {
  const rows = await selectRows(scope.client, tables, scope.home);
  return { rows, unsupported: await selectUnsupported(scope) };
}

/** The things that there are, each with what tells it from others, and how they need each other. */
export async function readObjects(
  scope: Scope,
  extensions: Catalog["extensions"],
): Promise<{ known: Known[]; tables: TableObject[]; dependencies: Dependency[] }> {
  const states = await selectSequenceStates(scope);
  const tables = (await selectTables(scope)).map((table) => withStates(withoutNulls(table), states));
  const sequences = (await selectSequences(scope)).map((sequence) =>
    withState(withoutNulls(sequence), states),
  );
  const others: Found<CatalogObject>[] = [];
  const holdsExtension = new Set(extensions.map(({ schema }) => schema));
  for (const schema of await selectSchemaObjects(scope)) {
    if (!holdsExtension.has(schema.name)) others.push(schema);
  }
  for (const select of selections) others.push(...(await select(scope)));
  const dependencies = await selectDependencies(scope);
  const known = inOrder([...tables, ...sequences, ...others.map(withoutNulls)], dependencies);
  return { known, tables, dependencies };
}

/** What there is beside tables, sequences and schemas. */
export const selections: readonly ((scope: Scope) => Promise<Found<CatalogObject>[]>)[] = [
  selectEnums,
  selectDomains,
  selectComposites,
  selectRanges,
  selectDefaults,
  selectConstraints,
  selectIndexes,
  selectViews,
  selectRoutines,
  selectTriggers,
  selectPolicies,
  selectStatistics,
];

function withoutNulls<Thing extends object>(thing: Thing): Thing {
  return Object.fromEntries(Object.entries(thing).filter(([, value]) => value !== null)) as Thing;
}

type Numbered = { oid?: number };

function withState<Thing extends object>(
  sequence: Thing & Numbered,
  states: ReadonlyMap<number, SequenceState>,
): Thing & Pick<SequenceObject, "lastValue" | "called"> {
  const { oid, ...rest } = sequence;
  const { lastValue, called } = states.get(oid!)!;
  return { ...(rest as Thing), lastValue, called };
}

function withStates(
  table: Found<TableObject>,
  states: ReadonlyMap<number, SequenceState>,
): Found<TableObject> {
  const columns = table.columns.map((column) => {
    if (!column.identity) return column;
    return {
      ...column,
      identity: { ...column.identity, sequence: withState(column.identity.sequence, states) },
    };
  });
  return { ...table, columns };
}
