import type { Node } from "@pgsql/types";
import { assign } from "./casts.ts";
import { condition } from "./expression.ts";
import { columnsOf } from "./from.ts";
import type { Column, Schema, Table } from "./model.ts";
import { name } from "./quote.ts";
import { Refusal, wrong } from "./refusal.ts";
import { translators } from "./statement.ts";
import { newScope, newTranslation, type Scope, type Translation } from "./translation.ts";
import type { PgType } from "./types.ts";

/** A migration on its way: the schema as it is by now, and what SQLite has to do for it. */
export type Definition = {
  schema: Schema;
  statements: string[];
  /** Notes what can't be held, and goes on: all that is wrong is told at once. */
  report(refusal: Refusal): void;
};

/** Does a part of a statement; what it refuses is noted. */
export function attempt<Result>(definition: Definition, work: () => Result): Result | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    definition.report(error);
    return undefined;
  }
}

export function schemaTranslation({ schema }: Definition): Translation {
  return newTranslation(schema, translators, true);
}

/** The table's columns by their names alone, as CHECK, generated columns and indexes see them. */
export function tableScope(table: Table): Scope {
  const columns = columnsOf(table.name, table.columns).map((column) => ({
    ...column,
    sql: name(column.name),
  }));
  return { ...newScope(), relations: [{ alias: table.name, columns, table }] };
}

export function checkSql(definition: Definition, table: Table, node: Node): string {
  assertPlain(node);
  return condition(schemaTranslation(definition), tableScope(table), node);
}

export function defaultSql(definition: Definition, node: Node, type: PgType, column: string): string {
  const value = schemaTranslation(definition).expression(newScope(), node, type);
  return assign(value, type, column, Object.values(node)[0] as { location?: number });
}

export function generatedSql(definition: Definition, table: Table, column: Column, node: Node): string {
  assertPlain(node);
  const value = schemaTranslation(definition).expression(tableScope(table), node, column.type);
  return assign(value, column.type, column.name, Object.values(node)[0] as { location?: number });
}

/** What depends on the hour or on chance has no place in a check, an index or a generated column. */
export function assertPlain(node: Node): void {
  const text = JSON.stringify(node);
  if (/"SubLink"/.test(text)) throw wrong("0A000", "cannot use subquery in this expression");
  if (/"SQLValueFunction"|"sval":"(now|random|gen_random_uuid|clock_timestamp)"/.test(text)) {
    throw wrong("42P17", "functions in this expression must be marked IMMUTABLE");
  }
}

export const stringsOf = (nodes: readonly Node[] | undefined): string[] =>
  (nodes ?? []).map((part) => ("String" in part ? (part.String.sval ?? "") : ""));

/** A name that isn't taken, made as PostgreSQL makes it. */
export function freeName(schema: Schema, wanted: string): string {
  const taken = new Set([
    ...Object.keys(schema.indexes),
    ...Object.values(schema.tables).flatMap((table) => [
      ...[table.primaryKey, ...table.uniques, ...table.checks, ...table.foreignKeys].map((one) => one?.name),
    ]),
  ]);
  const short = wanted.slice(0, 63);
  if (!taken.has(short)) return short;
  for (let count = 1; ; count += 1) if (!taken.has(`${short}${count}`)) return `${short}${count}`;
}
