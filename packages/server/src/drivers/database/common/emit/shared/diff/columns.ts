import type { Column, DefaultObject, Place, TableObject } from "../../../catalog/catalog.ts";
import type { State } from "../../../catalog/read-state.ts";
import { comment } from "../../objects.ts";
import { id, reference, text } from "../../quote.ts";
import { columnDefinition } from "../../table.ts";
import { counterDefault, withCounters } from "../counters.ts";
import { columnsOf, type Delta, differ, isPairOf, type Pair, retypedParts } from "./delta.ts";

/** What a column that changes its type is computed from, when the statement says so. */
export type Using = (table: Place, column: string) => string | undefined;

export type ColumnChanges = {
  /** Before anything that a default relied on is gone, by the names of before. */
  defaultsGone: string[];
  /** Before rows are filled in. */
  first: string[];
  /** In each environment: what only its own counters and rows can tell. */
  fills: string[];
  /** Once every row has its value. */
  last: string[];
  /** Nodes of tables of which a column's type changes, with keys that are looked at again. */
  retyped: Set<string>;
};

export function columnChanges(delta: Delta, using: Using): ColumnChanges {
  const changes: ColumnChanges = { defaultsGone: [], first: [], fills: [], last: [], retyped: new Set() };
  const defaults = { before: defaultsOf(delta.before), after: defaultsOf(delta.after) };
  for (const pair of delta.kept) {
    if (!isPairOf(pair, "table")) continue;
    const { before, after } = columnsOf(delta, pair);
    const table = reference(pair.after);
    for (const [number, column] of after) {
      const key = `${pair.node}#${number}`;
      const was = before.get(number);
      if (!was) addColumn(changes, delta, pair, column, defaults.after.get(key));
    }
    const retyped = retypedParts(delta.before, delta.after, pair.node);
    retype(changes, delta, pair, using);
    for (const [number, column] of after) {
      const key = `${pair.node}#${number}`;
      const was = before.get(number);
      if (!was) continue;
      const newDefault = defaultOf(column, defaults.after.get(key));
      const oldDefault = retyped.has(number) ? undefined : defaultOf(was, defaults.before.get(key));
      const alter = `alter table only ${table} alter column ${id(column.name)}`;
      if (newDefault === undefined && oldDefault !== undefined) {
        const place = `alter table only ${reference(pair.before)} alter column ${id(was.name)}`;
        changes.defaultsGone.push(`${place} drop default`);
      } else if (newDefault !== oldDefault) changes.first.push(`${alter} set default ${newDefault}`);
      changes.first.push(...alterColumn(delta, pair, was, column));
    }
  }
  return changes;
}

function defaultsOf(state: State): Map<string, DefaultObject & { node: string }> {
  const numbers = new Map<string, string>();
  for (const { node, object } of state.known) {
    if (object.kind !== "table") continue;
    for (const { number, name } of state.parts.get(node) ?? []) {
      numbers.set(`${reference(object)}.${name}`, `${node}#${number}`);
    }
  }
  return new Map(
    state.known.flatMap(({ node, object }) =>
      object.kind === "default"
        ? [[numbers.get(`${reference(object.table)}.${object.column}`)!, { ...object, node }]]
        : [],
    ),
  );
}

function defaultOf(column: Column, found: DefaultObject | undefined): string | undefined {
  if (column.identity) return counterDefault(column.identity.sequence);
  return found && withCounters(found.expression);
}

function addColumn(
  changes: ColumnChanges,
  delta: Delta,
  { after: table }: Pair<TableObject>,
  column: Column,
  found: (DefaultObject & { node: string }) | undefined,
): void {
  if (!column.local) return;
  const name = reference(table);
  const value = defaultOf(column, found);
  const own = column.identity !== undefined || (found !== undefined && isOwnToEach(delta.after, found));
  const plain = { ...column, identity: undefined, notNull: column.notNull && !own };
  const given = value === undefined || own ? "" : ` default ${value}`;
  changes.first.push(
    `alter table ${name} add column ${columnDefinition(plain)}${given}`,
    ...comment("column", `${name}.${id(column.name)}`, column.comment),
  );
  if (!own) return;
  const alter = `alter table ${name} alter column ${id(column.name)}`;
  changes.first.push(`${alter} set default ${value}`, `alter table ${name} disable trigger user`);
  changes.fills.push(`update ${name} set ${id(column.name)} = default`);
  changes.last.push(...triggersAsTheyWere(delta, table));
  if (column.notNull) changes.last.push(`${alter} set not null`);
}

/** Numbers are each environment's own, and a function of the application may look at its rows. */
function isOwnToEach(state: State, { node, expression }: DefaultObject & { node: string }): boolean {
  if (/\bnextval\(/.test(expression)) return true;
  return state.dependencies.some((each) => each.node === node && each.needs.startsWith("routine:"));
}

const states: { [state: string]: string } = { D: "disable", R: "enable replica", A: "enable always" };

function triggersAsTheyWere(delta: Delta, { schema, name }: TableObject): string[] {
  return delta.after.known.flatMap(({ object }) => {
    if (object.kind !== "trigger" || object.table.schema !== schema || object.table.name !== name) return [];
    const state = states[object.enabled] ?? "enable";
    return [`alter table ${reference(object.table)} ${state} trigger ${id(object.name)}`];
  });
}

/** All columns of a table at once, since each may be computed from what the others were. */
function retype(changes: ColumnChanges, delta: Delta, pair: Pair<TableObject>, using: Using): void {
  const { before, after } = columnsOf(delta, pair);
  const table = reference(pair.after);
  const retyped = retypedParts(delta.before, delta.after, pair.node);
  const actions: string[] = [];
  for (const [number, column] of after) {
    const was = before.get(number);
    if (!was || !column.local) continue;
    if (!retyped.has(number) && was.collation === column.collation) continue;
    const alter = `alter column ${id(column.name)}`;
    const expression = using(pair.before, was.name);
    const from = expression === undefined ? "" : ` using ${expression}`;
    const collation = column.collation ? ` collate ${column.collation}` : "";
    // What it was by default may not be of the new type.
    if (!column.generated) changes.first.push(`alter table only ${table} ${alter} drop default`);
    actions.push(`${alter} type ${column.type}${collation}${from}`);
  }
  if (actions.length === 0) return;
  changes.retyped.add(pair.node);
  changes.first.push(`alter table ${table} ${actions.join(", ")}`);
}

function alterColumn(delta: Delta, pair: Pair<TableObject>, was: Column, now: Column): string[] {
  const name = reference(pair.after);
  const alter = `alter table ${name} alter column ${id(now.name)}`;
  const statements: string[] = [];
  if (was.notNull !== now.notNull) statements.push(`${alter} ${now.notNull ? "set" : "drop"} not null`);
  if (was.generated && !now.generated) statements.push(`${alter} drop expression`);
  const renamed = differ(delta.before.parts.get(pair.node), delta.after.parts.get(pair.node));
  if (was.generated && now.generated && !renamed && differ(was.generated, now.generated)) {
    statements.push(`${alter} set expression as (${now.generated.expression})`);
  }
  if (was.comment !== now.comment) {
    statements.push(
      `comment on column ${name}.${id(now.name)} is ${now.comment === undefined ? "null" : text(now.comment)}`,
    );
  }
  return statements;
}
