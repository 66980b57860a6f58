import type { Node } from "@pgsql/types";
import type { Schema, Table } from "./model.ts";
import { unsupported, wrong } from "./refusal.ts";
import type { PgType } from "./types.ts";

/** `merged`: by a USING with another of that name, it can be named with its table only. */
export type Column = { name: string; type: PgType; sql: string; notNull: boolean; merged?: boolean };
/** What a FROM clause names: a table, a view, or a query within the statement. */
export type Relation = { alias: string; columns: Column[]; table?: Table | undefined; hidden?: boolean };
export type Scope = {
  relations: Relation[];
  /** Queries of WITH, by name. */
  ctes: Map<string, { name: string; columns: QueryColumn[] }>;
  /** Names that ORDER BY and GROUP BY may use besides. */
  outputs?: { name: string; type: PgType; sql: string }[];
  outer: Scope | undefined;
};

/** An expression in SQLite's SQL, with the type that PostgreSQL gives it. */
export type Typed = {
  sql: string;
  type: PgType;
  notNull?: boolean | undefined;
  /** Of an interval: `sql` is its seconds, and the months that it has besides. */
  months?: number | undefined;
};

/** `alias`: under which name SQLite has it, where two outputs have the same. */
export type QueryColumn = { name: string; type: PgType; alias?: string };
export type Query = { sql: string; columns: QueryColumn[] };

/**
 * What is bound in place of a `?`: a value of the caller's, read by its type, the time when the transaction began, or
 * what isolates it.
 */
export type Slot =
  | { parameter: number; type: PgType | undefined }
  | { now: "timestamptz" | "timestamp" | "date" }
  | { isolation: true };

/** One statement on its way. */
export type Translation = {
  readonly schema: Schema;
  readonly slots: Slot[];
  /** Nothing may be bound: the statement is part of the schema. */
  readonly fixed: boolean;
  /** An expression; `hint` is the type that a literal or a parameter has in its place. */
  expression(scope: Scope, node: Node, hint?: PgType): Typed;
  /** A query within the statement. */
  query(scope: Scope | undefined, node: Node): Query;
  /** Every part costs one; a statement that is made of too many isn't run. */
  budget: number;
};

/** Parts of a statement; more could overflow counters within SQLite. */
const mostParts = 20_000;

export type Translators = {
  expression(translation: Translation, scope: Scope, node: Node, hint?: PgType): Typed;
  query(translation: Translation, scope: Scope | undefined, node: Node): Query;
};

export function newTranslation(schema: Schema, translators: Translators, fixed = false): Translation {
  const translation: Translation = {
    schema,
    slots: [],
    fixed,
    budget: mostParts,
    expression(scope, node, hint) {
      translation.budget -= 1;
      if (translation.budget < 0) throw wrong("54000", `A statement has ${mostParts} parts at most.`);
      return translators.expression(translation, scope, node, hint);
    },
    query: (scope, node) => translators.query(translation, scope, node),
  };
  return translation;
}

export function newScope(outer?: Scope): Scope {
  return { relations: [], ctes: new Map(), outer };
}

export function parameter(
  translation: Translation,
  number: number,
  type: PgType | undefined,
  location?: number,
): string {
  if (translation.fixed) throw wrong("42P02", `there is no parameter $${number}`, { location });
  const { slots } = translation;
  const same = slots.findIndex(
    (slot) =>
      "parameter" in slot &&
      slot.parameter === number &&
      (slot.type === undefined || type === undefined || JSON.stringify(slot.type) === JSON.stringify(type)),
  );
  if (same < 0) return `?${slots.push({ parameter: number, type })}`;
  const slot = slots[same]!;
  if ("parameter" in slot) slot.type ??= type;
  return `?${same + 1}`;
}

/** The transaction's time: the same for a whole statement, and at the beginning of its transaction. */
export function now(translation: Translation, as: "timestamptz" | "timestamp" | "date"): string {
  if (translation.fixed) {
    const text = {
      timestamptz: "%Y-%m-%d %H:%M:%f000+00",
      timestamp: "%Y-%m-%d %H:%M:%f000",
      date: "%Y-%m-%d",
    }[as];
    return `strftime('${text}', 'now')`;
  }
  const same = translation.slots.findIndex((slot) => "now" in slot && slot.now === as);
  return `?${same < 0 ? translation.slots.push({ now: as }) : same + 1}`;
}

export function findTable(schema: Schema, name: string, node: { location?: number | undefined }): Table {
  const table = schema.tables[name];
  if (table) return table;
  if (schema.views[name]) throw wrong("55000", `cannot write into view "${name}"`, node);
  throw wrong("42P01", `relation "${name}" does not exist`, node);
}

/** Refuses names of other schemas; the application has one, whose name is public. */
export function assertPublic(
  schema: string | undefined,
  catalog: string | undefined,
  node: { location?: number | undefined },
): void {
  if (catalog || (schema && schema !== "public")) {
    throw unsupported(
      `The schema ${[catalog, schema].filter(Boolean).join(".")}`,
      node,
      "There is one schema, public.",
    );
  }
}

export function findColumn(
  scope: Scope,
  path: readonly string[],
  node: { location?: number | undefined },
): Column {
  const [name, qualifier] = [...path].reverse();
  for (let at: Scope | undefined = scope; at; at = at.outer) {
    const relations =
      qualifier === undefined
        ? at.relations.filter(({ hidden }) => !hidden)
        : at.relations.filter(({ alias }) => alias === qualifier);
    const found = relations.flatMap(({ columns }) =>
      columns.filter((column) => column.name === name && (qualifier !== undefined || !column.merged)),
    );
    if (found.length > 1) throw wrong("42702", `column reference "${name}" is ambiguous`, node);
    if (found[0]) return found[0];
    if (qualifier !== undefined && relations.length > 0)
      throw wrong("42703", `column ${qualifier}.${name} does not exist`, node);
  }
  if (qualifier !== undefined)
    throw wrong("42P01", `missing FROM-clause entry for table "${qualifier}"`, node);
  throw wrong("42703", `column "${name}" does not exist`, node);
}
