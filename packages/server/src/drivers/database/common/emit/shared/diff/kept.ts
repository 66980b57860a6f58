import type {
  CompositeType,
  ConstraintObject,
  DomainType,
  EnumType,
  PolicyObject,
} from "../../../catalog/catalog.ts";
import { createRoutine, emitObject } from "../../objects.ts";
import { id, reference, text } from "../../quote.ts";
import { sharedView } from "../emit-shared.ts";
import { type PrimaryKeys, primaryKeys } from "../group-keys.ts";
import { sharedRoutine } from "../shared-routine.ts";
import { policyIsInForce } from "../tables.ts";
import { type Delta, differ, isPairOf, type Pair, retypedParts, tablesOf } from "./delta.ts";
import { jointStatisticsChanges } from "./statistics.ts";
import { unforced, withPartitions } from "./tables.ts";

/** Statements that bring what is kept to what it is now, tables and columns aside. */
export function keptChanges(delta: Delta): string[] {
  return delta.kept.flatMap((pair) => (differ(pair.before, pair.after) ? change(delta, pair) : []));
}

function change(delta: Delta, pair: Pair): string[] {
  if (isPairOf(pair, "enum")) return [...newLabels(delta, pair), ...commented("type", pair)];
  if (isPairOf(pair, "domain")) return [...domainChanges(pair), ...commented("domain", pair)];
  if (isPairOf(pair, "composite")) return [...attributeChanges(delta, pair), ...commented("type", pair)];
  if (isPairOf(pair, "constraint")) return constraintChanges(delta, pair);
  if (isPairOf(pair, "index")) return [...indexOptions(pair), ...commented("index", pair)];
  if (isPairOf(pair, "view")) return viewAnew(delta, pair);
  if (isPairOf(pair, "function", "procedure"))
    return createRoutine(sharedRoutine(pair.after, keysAfter(delta)));
  if (isPairOf(pair, "trigger")) {
    const drop = `drop trigger ${id(pair.before.name)} on ${reference(pair.after.table)}`;
    return [drop, ...emitObject(pair.after)];
  }
  if (isPairOf(pair, "statistics")) {
    const drop = `drop statistics ${reference(pair.after)}`;
    return differ(pair.before.definition, pair.after.definition)
      ? [drop, ...emitObject(pair.after)]
      : [...jointStatisticsChanges(pair), ...commented("statistics", pair)];
  }
  return [];
}

const keysAfter = (delta: Delta): PrimaryKeys => primaryKeys(delta.after.known.map(({ object }) => object));

function commented(kind: string, { before, after }: Pair): string[] {
  if (!("comment" in after || "comment" in before) || !("name" in after)) return [];
  const [was, now] = [before, after].map((object) => ("comment" in object ? object.comment : undefined));
  if (was === now) return [];
  const name = reference({ schema: "schema" in after ? after.schema : undefined, name: after.name });
  return [`comment on ${kind} ${name} is ${now === undefined ? "null" : text(now)}`];
}

/** A view keeps its first columns whatever it selects, so it can be said anew. */
function viewAnew(delta: Delta, { after }: Pair & { after: Parameters<typeof sharedView>[0] }): string[] {
  const [create, ...rest] = sharedView(after, keysAfter(delta));
  return [create!.replace(/^create view/, "create or replace view"), ...rest];
}

function newLabels(delta: Delta, { node, after }: Pair<EnumType>): string[] {
  const known = new Set(delta.before.parts.get(node)?.map(({ number }) => number));
  const labels = delta.after.parts.get(node) ?? [];
  const isNew = labels.map(({ number }) => !known.has(number));
  return labels.flatMap(({ name }, at) => {
    if (!isNew[at]) return [];
    const place =
      at > 0 ? ` after ${text(labels[at - 1]!.name)}` : ` before ${text(labels[isNew.indexOf(false)]!.name)}`;
    return [`alter type ${reference(after)} add value ${text(name)}${labels.length > 1 ? place : ""}`];
  });
}

function domainChanges({ before, after }: Pair<DomainType>): string[] {
  const alter = `alter domain ${reference(after)}`;
  const statements: string[] = [];
  if (before.default !== after.default) {
    statements.push(
      `${alter} ${after.default === undefined ? "drop default" : `set default ${after.default}`}`,
    );
  }
  if (before.notNull !== after.notNull)
    statements.push(`${alter} ${after.notNull ? "set" : "drop"} not null`);
  const has = (domain: DomainType, check: DomainType["checks"][number]) =>
    domain.checks.some((each) => !differ(each, check));
  for (const check of before.checks.filter((each) => !has(after, each))) {
    statements.push(`${alter} drop constraint ${id(check.name)}`);
  }
  for (const check of after.checks.filter((each) => !has(before, each))) {
    statements.push(`${alter} add constraint ${id(check.name)} ${check.definition}`);
  }
  return statements;
}

function attributeChanges(delta: Delta, { node, before, after }: Pair<CompositeType>): string[] {
  const numbered = (state: "before" | "after", type: CompositeType) =>
    new Map(
      (delta[state].parts.get(node) ?? []).map(({ number, name }) => [
        number,
        type.attributes.find((attribute) => attribute.name === name)!,
      ]),
    );
  const [earlier, later] = [numbered("before", before), numbered("after", after)];
  const retyped = retypedParts(delta.before, delta.after, node);
  const alter = `alter type ${reference(after)}`;
  const collation = (name: string | undefined) => (name ? ` collate ${name}` : "");
  return [
    ...[...earlier].flatMap(([number, { name }]) =>
      later.has(number) ? [] : [`${alter} drop attribute ${id(name)}`],
    ),
    ...[...later].flatMap(([number, now]) => {
      const was = earlier.get(number);
      const form = `${now.type}${collation(now.collation)}`;
      if (!was) return [`${alter} add attribute ${id(now.name)} ${form}`];
      return !retyped.has(number) ? [] : [`${alter} alter attribute ${id(now.name)} type ${form}`];
    }),
  ];
}

/** A key that was there can be put off or on, and looked at; anything else about it is a new one. */
function constraintChanges(delta: Delta, { before, after }: Pair<ConstraintObject>): string[] {
  const table = reference(after.table);
  const statements: string[] = [];
  if (before.deferrable !== after.deferrable) {
    const form = after.deferrable === "no" ? "not deferrable" : `deferrable initially ${after.deferrable}`;
    statements.push(`alter table ${table} alter constraint ${id(after.name)} ${form}`);
  }
  if (!before.validated && after.validated) {
    const ends = new Set([table, ...(after.foreignKey ? [reference(after.foreignKey.target)] : [])]);
    statements.push(
      ...unforced(after.foreignKey ? withPartitions(delta.after, ends) : [], [
        `alter table ${table} validate constraint ${id(after.name)}`,
      ]),
    );
  }
  if (before.comment !== after.comment) {
    const words = after.comment === undefined ? "null" : text(after.comment);
    statements.push(`comment on constraint ${id(after.name)} on ${table} is ${words}`);
  }
  return statements;
}

const storage = / WITH \(([^)]*)\)/;

function indexOptions({
  before,
  after,
}: Pair & { before: { definition: string }; after: { definition: string } }): string[] {
  const [was, now] = [storage.exec(before.definition)?.[1], storage.exec(after.definition)?.[1]];
  if (was === now) return [];
  const index = `alter index ${reference(after as never)}`;
  return now === undefined
    ? [`${index} reset (${was!.replaceAll(/=[^,]*/g, "")})`]
    : [`${index} set (${now})`];
}

/** Policies are in force only where the application has switched row security on. */
export function policyChanges(delta: Delta): { drops: string[]; creates: string[] } {
  const changes = { drops: [] as string[], creates: [] as string[] };
  const [earlier, later] = [tablesOf(delta.before), tablesOf(delta.after)];
  for (const pair of delta.kept) {
    if (!isPairOf(pair, "policy")) continue;
    const stood = stands(pair.before, earlier);
    const stays = stands(pair.after, later);
    const same = stood === stays && !differ(pair.before, pair.after);
    if (same) continue;
    if (stood) changes.drops.push(`drop policy ${id(pair.before.name)} on ${reference(pair.before.table)}`);
    if (stays) changes.creates.push(...emitObject(pair.after));
  }
  return changes;
}

const stands = (policy: PolicyObject, tables: Parameters<typeof policyIsInForce>[1]): boolean =>
  policyIsInForce(policy, tables) && policy.roles.length === 0;
