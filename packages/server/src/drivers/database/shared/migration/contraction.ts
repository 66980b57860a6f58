import type { Column, TableObject } from "../../common/catalog/catalog.ts";
import type { State } from "../../common/catalog/read-state.ts";
import { reference } from "../../common/emit/quote.ts";

const assurance = /^[ \t]*--[ \t]*tenantry:[ \t]*contract[ \t]*$/m;

/** Whether a file's author says that nobody relies any more on what it takes away. */
export const isAssured = (sql: string): boolean => assurance.test(sql);

/**
 * What the release that runs while a migration is applied may not find any more as it knows it, in sentences. By names,
 * as its statements know things: what was dropped and made again is there.
 */
export function contractions(before: State, after: State): string[] {
  const [earlier, later] = [namesOf(before), namesOf(after)];
  const gone = [...earlier].filter(([key]) => !later.has(key)).map(([, words]) => `${words} is gone`);
  return [...gone, ...tightened(before, after)];
}

/** Everything that a statement may name, and how people call it. */
function namesOf(state: State): Map<string, string> {
  const found = new Map<string, string>();
  for (const { node, object } of state.known) {
    if (object.kind === "table" || object.kind === "view") {
      found.set(`relation ${reference(object)}`, `the ${object.kind} ${reference(object)}`);
      for (const { name } of state.parts.get(node) ?? []) {
        found.set(`column ${reference(object)} ${name}`, `the column ${name} of ${reference(object)}`);
      }
    }
    if (object.kind === "function" || object.kind === "procedure") {
      const name = `${reference(object)}(${object.arguments})`;
      found.set(`routine ${name}`, `the ${object.kind} ${name}`);
    }
    if (object.kind === "enum" || object.kind === "domain" || object.kind === "composite") {
      found.set(`type ${reference(object)}`, `the type ${reference(object)}`);
    }
    if (object.kind !== "enum") continue;
    for (const label of object.labels) {
      found.set(`label ${reference(object)} ${label}`, `the value ${label} of ${reference(object)}`);
    }
  }
  // A table's columns go with it.
  return found;
}

/** Columns that take less than before, or answer something else. */
function tightened(before: State, after: State): string[] {
  const earlier = columnsOf(before);
  const known = new Set([...earlier.keys()].map((key) => key.split("\0")[0]));
  return [...columnsOf(after)].flatMap(([key, { column, table, hasDefault }]) => {
    const words = `the column ${column.name} of ${reference(table)}`;
    const was = earlier.get(key);
    const fills = hasDefault || column.identity !== undefined || column.generated !== undefined;
    if (!was) {
      const asked = known.has(reference(table)) && column.notNull && !fills;
      return asked ? [`${words} has to be given, and has no default`] : [];
    }
    const found: string[] = [];
    if (was.column.type !== column.type && !widens(was.column.type, column.type)) {
      found.push(`${words} is ${column.type} instead of ${was.column.type}`);
    }
    const lenient = !was.column.notNull || was.hasDefault || was.column.identity !== undefined;
    if (column.notNull && !fills && lenient) found.push(`${words} has to be given, and has no default`);
    return found;
  });
}

type Listed = { column: Column; table: TableObject; hasDefault: boolean };

function columnsOf(state: State): Map<string, Listed> {
  const defaults = new Set(
    state.known.flatMap(({ object }) =>
      object.kind === "default" ? [`${reference(object.table)}\0${object.column}`] : [],
    ),
  );
  return new Map(
    state.known.flatMap(({ object }) => {
      if (object.kind !== "table") return [];
      return object.columns.map((column): [string, Listed] => {
        const key = `${reference(object)}\0${column.name}`;
        return [key, { column, table: object, hasDefault: defaults.has(key) }];
      });
    }),
  );
}

const character = /^(?:character varying(?:\((\d+)\))?|(text))$/;

/** Texts that may be longer are read and written as before. */
function widens(from: string, to: string): boolean {
  const [was, now] = [character.exec(from), character.exec(to)];
  if (!was || !now) return false;
  const [short, long] = [was, now].map((match) => Number(match[1] ?? Number.POSITIVE_INFINITY));
  return long! >= short!;
}
