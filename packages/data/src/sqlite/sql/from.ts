import type { JoinExpr, Node, RangeFunction, RangeSubselect, RangeVar } from "@pgsql/types";
import { functionNameOf } from "./arguments.ts";
import { condition } from "./expression.ts";
import type { Table } from "./model.ts";
import { name } from "./quote.ts";
import { unsupported, wrong } from "./refusal.ts";
import { assertPublic, type Column, type Relation, type Scope, type Translation } from "./translation.ts";
import { arrayOf, elementOf, int4, jsonb, type PgType, text } from "./types.ts";

/** What stands in FROM; the relations are added to the scope. */
export function fromClause(t: Translation, scope: Scope, nodes: readonly Node[]): string {
  return nodes.map((node) => fromItem(t, scope, node)).join(", ");
}

function fromItem(t: Translation, scope: Scope, node: Node): string {
  if ("RangeVar" in node) return rangeVar(t, scope, node.RangeVar);
  if ("JoinExpr" in node) return join(t, scope, node.JoinExpr);
  if ("RangeSubselect" in node) return subselect(t, scope, node.RangeSubselect);
  if ("RangeFunction" in node) return rangeFunction(t, scope, node.RangeFunction);
  throw unsupported(Object.keys(node)[0]!);
}

function addRelation(scope: Scope, relation: Relation): void {
  if (scope.relations.some(({ alias }) => alias === relation.alias)) {
    throw wrong("42712", `table name "${relation.alias}" specified more than once`);
  }
  scope.relations.push(relation);
}

type Named = { name: string; type: PgType; notNull?: boolean; alias?: string };

export function columnsOf(alias: string, columns: readonly Named[]): Column[] {
  return columns.map((column) => ({
    name: column.name,
    type: column.type,
    sql: `${name(alias)}.${name(column.alias ?? column.name)}`,
    notNull: column.notNull ?? false,
  }));
}

/** A table as a relation of a statement. */
export function tableRelation(table: Table, alias = table.name): Relation {
  return { alias, table, columns: columnsOf(alias, table.columns) };
}

function rangeVar(t: Translation, scope: Scope, node: RangeVar): string {
  const alias = node.alias?.aliasname ?? node.relname!;
  const renamed = (node.alias?.colnames ?? []).map((part) =>
    "String" in part ? (part.String.sval ?? "") : "",
  );
  const found = findRelation(t, scope, node);
  const columns = columnsOf(alias, found.columns).map((column, index) => ({
    ...column,
    name: renamed[index] ?? column.name,
  }));
  addRelation(scope, { alias, columns, table: found.table });
  return `${name(found.name)} as ${name(alias)}`;
}

function findRelation(
  t: Translation,
  scope: Scope,
  node: RangeVar,
): { name: string; columns: readonly Named[]; table?: Table } {
  const wanted = node.relname!;
  for (let at: Scope | undefined = node.schemaname ? undefined : scope; at; at = at.outer) {
    const cte = at.ctes.get(wanted);
    if (cte) return cte;
  }
  assertPublic(node.schemaname, node.catalogname, node);
  const table = t.schema.tables[wanted];
  if (table) return { name: wanted, columns: table.columns, table };
  const view = t.schema.views[wanted];
  if (view) return { name: wanted, columns: view.columns };
  throw wrong("42P01", `relation "${wanted}" does not exist`, node);
}

const joins: Record<string, string> = {
  JOIN_INNER: "join",
  JOIN_LEFT: "left join",
  JOIN_RIGHT: "right join",
  JOIN_FULL: "full join",
};

function join(t: Translation, scope: Scope, node: JoinExpr): string {
  const word = joins[node.jointype ?? ""];
  if (!word || node.isNatural || node.alias) throw unsupported(node.isNatural ? "NATURAL JOIN" : "This join");
  const before = scope.relations.length;
  const left = fromItem(t, scope, node.larg!);
  const middle = scope.relations.length;
  const right = fromItem(t, scope, node.rarg!);
  const [lefts, rights] = [scope.relations.slice(before, middle), scope.relations.slice(middle)];
  const on = node.usingClause
    ? using(node.usingClause, lefts, rights, node)
    : node.quals
      ? ` on ${condition(t, scope, node.quals)}`
      : "";
  if (node.jointype !== "JOIN_INNER" && node.jointype !== "JOIN_LEFT") makeNullable(lefts);
  if (node.jointype !== "JOIN_INNER" && node.jointype !== "JOIN_RIGHT") makeNullable(rights);
  const nested = "JoinExpr" in node.rarg! ? `(${right})` : right;
  return `${left} ${on === "" && word === "join" ? "cross join" : word} ${nested}${on}`;
}

function makeNullable(relations: readonly Relation[]): void {
  for (const { columns } of relations) for (const column of columns) column.notNull = false;
}

function using(
  nodes: readonly Node[],
  lefts: readonly Relation[],
  rights: readonly Relation[],
  node: JoinExpr,
): string {
  if (node.jointype === "JOIN_RIGHT" || node.jointype === "JOIN_FULL")
    throw unsupported("USING in a right or full join");
  const conditions = nodes.map((part) => {
    const shared = "String" in part ? part.String.sval : undefined;
    const find = (relations: readonly Relation[]) =>
      relations.flatMap(({ columns }) => columns).find((column) => column.name === shared && !column.merged);
    const [left, right] = [find(lefts), find(rights)];
    if (!left || !right) throw wrong("42703", `column "${shared}" specified in USING clause does not exist`);
    right.merged = true;
    return `${left.sql} = ${right.sql}`;
  });
  return ` on ${conditions.join(" and ")}`;
}

function subselect(t: Translation, scope: Scope, node: RangeSubselect): string {
  if (node.lateral) throw unsupported("LATERAL");
  const outer: Scope = { relations: [], ctes: scope.ctes, outer: scope.outer };
  const inner = t.query(outer, node.subquery!);
  const alias = node.alias?.aliasname ?? `query ${scope.relations.length}`;
  const renamed = (node.alias?.colnames ?? []).map((part) =>
    "String" in part ? (part.String.sval ?? "") : "",
  );
  const columns = columnsOf(alias, inner.columns).map((column, index) => ({
    ...column,
    name: renamed[index] ?? column.name,
  }));
  addRelation(scope, { alias, columns });
  return `(${inner.sql}) as ${name(alias)}`;
}

const jsonValue = (alias: string): string => {
  const [kind, value] = [`${name(alias)}."type"`, `${name(alias)}."value"`];
  return `case when ${kind} in ('true', 'false', 'null') then ${kind} when ${kind} in ('object', 'array') then ${value} else json_quote(${value}) end`;
};

/** `unnest`, `generate_series` of whole numbers, and the elements of a JSON array. */
function rangeFunction(t: Translation, scope: Scope, node: RangeFunction): string {
  const first = node.functions?.[0];
  const [called] = first && "List" in first ? (first.List.items ?? []) : [];
  const call = called && "FuncCall" in called ? called.FuncCall : undefined;
  if (!call || node.is_rowsfrom || node.ordinality || node.coldeflist)
    throw unsupported("A function of this form in FROM");
  const called_ = functionNameOf(call);
  const alias = node.alias?.aliasname ?? called_;
  const renamed = node.alias?.colnames?.[0];
  const columnName = renamed && "String" in renamed ? (renamed.String.sval ?? alias) : undefined;
  const given = call.args ?? [];
  const add = (sql: string, type: PgType, own: string): void =>
    addRelation(scope, { alias, columns: [{ name: columnName ?? own, type, sql, notNull: false }] });
  if (called_ === "unnest" && given.length === 1) {
    const list = t.expression(scope, given[0]!, arrayOf(text));
    if (!list.type.array) throw unsupported("unnest() of this", call);
    add(`${name(alias)}."value"`, elementOf(list.type), alias);
    return `json_each(${list.sql}) as ${name(alias)}`;
  }
  if (/^jsonb?_array_elements(_text)?$/.test(called_)) {
    const list = t.expression(scope, given[0]!, jsonb);
    const asText = called_.endsWith("_text");
    const plain = `case when ${name(alias)}."type" in ('true', 'false') then ${name(alias)}."type" else cast(${name(alias)}."value" as text) end`;
    add(asText ? plain : jsonValue(alias), asText ? text : jsonb, node.alias ? alias : "value");
    return `json_each(${list.sql}) as ${name(alias)}`;
  }
  if (called_ === "generate_series" && given.length === 2) {
    const [low, high] = given.map((part) => t.expression(scope, part, int4).sql);
    add(`${name(alias)}."n"`, int4, alias);
    return `(with recursive "s" ("n") as (select ${low} where ${low} <= ${high} union all select "n" + 1 from "s" where "n" < ${high}) select "n" from "s") as ${name(alias)}`;
  }
  throw unsupported(`The function ${called_}() in FROM`, call);
}
