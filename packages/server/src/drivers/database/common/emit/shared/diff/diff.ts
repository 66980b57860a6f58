import type { CatalogObject, ConstraintObject, RoutineObject } from "../../../catalog/catalog.ts";
import type { State } from "../../../catalog/read-state.ts";
import { homeName } from "../../home.ts";
import { id, reference } from "../../quote.ts";
import { aroundOf, sharedObject } from "../emit-shared.ts";
import { sealTable } from "../tables.ts";
import { columnChanges, type Using } from "./columns.ts";
import { counterChanges } from "./counters.ts";
import { type Delta, deltaOf, differ, tablesOf } from "./delta.ts";
import { drops } from "./drops.ts";
import { keptChanges, policyChanges } from "./kept.ts";
import { renames } from "./renames.ts";
import { statisticsChanges } from "./statistics.ts";
import type { Makers, Step } from "./step.ts";
import { partitionChanges, relatives, tableChanges, unforced, withPartitions } from "./tables.ts";

/**
 * What one statement of a migration, which led from one state to the other in a database of one environment, comes to
 * where many share it. Rows are kept; what is new is sealed by the same steps.
 */
export function diffShared(before: State, after: State, using: Using, makers: Makers): Step[] {
  const delta = deltaOf(before, after);
  const { attached, detached } = partitionChanges(delta);
  const columns = columnChanges(delta, using);
  const policies = policyChanges(delta);
  const made = creations(delta, detached, makers);
  const retyped = tablesOf(after).filter((table) => columns.retyped.has(delta.tableAfter(table)!));
  const first = columns.retyped.size > 0 ? unforced(relatives(after, retyped), columns.first) : columns.first;
  const definers = definerChanges(delta, makers);
  const steps: Step[] = [
    { as: "migrator", statements: [...counterChanges(before, after), ...definers.back] },
    {
      as: "owner",
      statements: [
        ...policies.drops,
        ...columns.defaultsGone,
        ...drops(delta, attached),
        ...renames(delta),
        ...made.early,
        ...first,
        ...made.sealed,
      ],
    },
    { as: "environment", statements: columns.fills },
    {
      as: "owner",
      statements: [
        ...columns.last,
        ...tableChanges(delta, makers),
        ...keptChanges(delta),
        ...statisticsChanges(delta, makers),
        ...policies.creates,
        ...made.late,
      ],
    },
    { as: "migrator", statements: definers.over },
  ];
  return steps.filter(({ statements }) => statements.length > 0);
}

/** `sealed`: what belongs to new tables, and their seal, which no transaction may leave open. */
type Creations = { early: string[]; sealed: string[]; late: string[] };

const comesEarly = ({ kind }: CatalogObject): boolean =>
  ["schema", "enum", "domain", "composite", "range", "function", "procedure", "table"].includes(kind);

function creations(delta: Delta, detached: ReadonlySet<string>, { seal }: Makers): Creations {
  const around = aroundOf(delta.after.known.map(({ object }) => object));
  const found: Creations = { early: [], sealed: [], late: [] };
  const seals: string[] = [];
  const isNew = new Set(delta.created.map(({ node }) => node));
  const defaults = delta.after.known.filter(({ object }) => object.kind === "default");
  for (const { object } of delta.created) {
    // What a partition had from its table stays with it when it leaves.
    const own = "table" in object && detached.has(delta.tableAfter(object.table) ?? "");
    if (own && object.kind !== "policy") continue;
    const statements = sharedObject(object, around, seal);
    const isOfNew = "table" in object && isNew.has(delta.tableAfter(object.table) ?? "");
    const list = comesEarly(object) ? found.early : isOfNew ? found.sealed : found.late;
    if (object.kind === "constraint" && object.foreignKey) {
      list.push(...unforced(standing(delta, object, isNew), statements));
    } else list.push(...statements);
    if (object.kind !== "table") continue;
    seals.push(...sealTable(object, seal));
    for (const { object: value } of defaults) {
      if (value.kind !== "default" || reference(value.table) !== reference(object)) continue;
      found.sealed.unshift(...sharedObject(value, around, seal));
    }
  }
  found.sealed.push(...seals);
  return found;
}

/** Of the tables at both ends of a foreign key, with their partitions, those that are sealed already. */
function standing(delta: Delta, { table, foreignKey }: ConstraintObject, isNew: ReadonlySet<string>) {
  const ends = new Set([reference(table), reference(foreignKey!.target)]);
  return withPartitions(delta.after, ends).filter((place) => !isNew.has(delta.tableAfter(place)!));
}

const isRoutine = (object: CatalogObject): object is RoutineObject =>
  object.kind === "function" || object.kind === "procedure";

/** Functions with their owner's rights belong to somebody who only writes rows: for changes they come back. */
function definerChanges(delta: Delta, { owner, writer }: Makers): { back: string[]; over: string[] } {
  const back: string[] = [];
  const over: string[] = [];
  const give = (routine: RoutineObject) => {
    const schema = id(routine.schema ?? homeName);
    over.push(
      `grant create, usage on schema ${schema} to ${id(writer)}`,
      `alter routine ${reference(routine)}(${routine.arguments}) owner to ${id(writer)}`,
      `revoke create on schema ${schema} from ${id(writer)}`,
    );
  };
  const take = (routine: RoutineObject) =>
    back.push(`alter routine ${reference(routine)}(${routine.arguments}) owner to ${id(owner)}`);
  for (const { object } of delta.dropped) if (isRoutine(object) && object.securityDefiner) take(object);
  for (const { object } of delta.created) if (isRoutine(object) && object.securityDefiner) give(object);
  for (const { before, after } of delta.kept) {
    if (!isRoutine(before) || !isRoutine(after) || !differ(before, after)) continue;
    if (before.securityDefiner) take(before);
    if (after.securityDefiner) give(after);
  }
  return { back, over };
}
