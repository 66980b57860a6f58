import type { Node, WindowDef } from "@pgsql/types";
import { enumRank } from "./operators.ts";
import { unsupported, wrong } from "./refusal.ts";
import type { Scope, Translation, Typed } from "./translation.ts";
import { int8 } from "./types.ts";

/** The keys of an ORDER BY. PostgreSQL takes nulls for the greatest value, SQLite for the smallest. */
export function orderBy(t: Translation, scope: Scope, nodes: readonly Node[]): string {
  return nodes
    .flatMap((node) => ("SortBy" in node ? keysOf(node.SortBy) : []))
    .map((key) => sortKey(t, scope, key))
    .join(", ");
}

type SortBy = Extract<Node, { SortBy: unknown }>["SortBy"];

/** A row sorts by each of its parts. */
function keysOf(key: SortBy): SortBy[] {
  if (!key.node || !("RowExpr" in key.node)) return [key];
  return (key.node.RowExpr.args ?? []).map((node) => ({ ...key, node }));
}

function sortKey(
  t: Translation,
  scope: Scope,
  { node, sortby_dir, sortby_nulls, useOp, location }: SortBy,
): string {
  if (useOp) throw unsupported("ORDER BY … USING", { location });
  const value = outputOf(scope, node!) ?? t.expression(scope, node!);
  const down = sortby_dir === "SORTBY_DESC";
  const key =
    value.type.labels && !value.type.array && !/^\d+$/.test(value.sql) ? enumRank(value) : value.sql;
  const nullsFirst =
    sortby_nulls === "SORTBY_NULLS_DEFAULT" || sortby_nulls === undefined
      ? down
      : sortby_nulls === "SORTBY_NULLS_FIRST";
  const nulls = value.notNull ? "" : nullsFirst ? " nulls first" : " nulls last";
  return `${key}${down ? " desc" : ""}${nulls}`;
}

/** A number is the place of an output, and a name alone may be an output's. */
export function outputOf(scope: Scope, node: Node): Typed | undefined {
  const { outputs } = scope;
  if (!outputs) return undefined;
  if ("A_Const" in node) {
    const place = node.A_Const.ival?.ival;
    const output = place === undefined ? undefined : outputs[place - 1];
    if (!output) throw wrong("42P10", `ORDER BY position ${place} is not in select list`, node.A_Const);
    return { sql: output.type.labels ? output.sql : String(place), type: output.type };
  }
  if (!("ColumnRef" in node) || node.ColumnRef.fields?.length !== 1) return undefined;
  const field = node.ColumnRef.fields[0]!;
  const found = outputs.filter((output) => "String" in field && output.name === field.String.sval);
  return found[0] && { sql: found[0].sql, type: found[0].type };
}

/** What stands in `over (…)`. */
export function frame(t: Translation, scope: Scope, over: WindowDef): string {
  if (over.name || over.refname) throw unsupported("A named window", over);
  const partition = (over.partitionClause ?? []).map((node) => t.expression(scope, node).sql).join(", ");
  const order = orderBy(t, { ...scope, outputs: undefined as never }, over.orderClause ?? []);
  // The frame that applies when none is written; others have bits that SQLite would need in words.
  const isDefaultFrame = over.frameOptions === undefined || over.frameOptions === 1058;
  if (!isDefaultFrame) throw unsupported("A window's frame", over);
  return [partition && `partition by ${partition}`, order && `order by ${order}`].filter(Boolean).join(" ");
}

/** LIMIT and OFFSET. */
export function limit(
  t: Translation,
  scope: Scope,
  count: Node | undefined,
  offset: Node | undefined,
): string {
  const number = (node: Node): string => {
    const value = t.expression(scope, node, int8);
    return value.sql;
  };
  const most = count && !("A_Const" in count && count.A_Const.isnull) ? number(count) : undefined;
  if (most === undefined && !offset) return "";
  // SQLite reads a null as an error, PostgreSQL as no limit; and -1 has no limit in SQLite.
  const limited = most === undefined ? "-1" : /^\d+$/.test(most) ? most : `coalesce(${most}, -1)`;
  return ` limit ${limited}${offset ? ` offset coalesce(${number(offset)}, 0)` : ""}`;
}
