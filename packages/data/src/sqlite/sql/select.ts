import type { Node, SelectStmt, WithClause } from "@pgsql/types";
import { common, condition } from "./expression.ts";
import { fromClause } from "./from.ts";
import { limit, orderBy, outputOf } from "./order.ts";
import { outputName } from "./output-name.ts";
import { name } from "./quote.ts";
import { unsupported, wrong } from "./refusal.ts";
import { newScope, type Query, type Relation, type Scope, type Translation } from "./translation.ts";
import { isNumber, type PgType, text } from "./types.ts";

export type Output = { name: string; type: PgType; sql: string; alias?: string };

/** A query within a statement, or the statement. `scope` is what it may refer to outside of itself. */
export function query(t: Translation, scope: Scope | undefined, node: Node): Query {
  if (!("SelectStmt" in node)) throw unsupported("A statement that changes rows within a query");
  return select(t, newScope(scope), node.SelectStmt);
}

function select(t: Translation, scope: Scope, node: SelectStmt): Query {
  if (node.intoClause) throw unsupported("SELECT INTO", node.intoClause.rel);
  const before = node.withClause ? withClause(t, scope, node.withClause) : "";
  const body = node.valuesLists
    ? values(t, scope, node)
    : node.op && node.op !== "SETOP_NONE"
      ? combined(t, scope, node)
      : plain(t, scope, node);
  return { sql: before + body.sql, columns: body.columns };
}

/** WITH: the queries can be named by what follows. */
export function withClause(t: Translation, scope: Scope, node: WithClause): string {
  const written = (node.ctes ?? []).map((part) => {
    if (!("CommonTableExpr" in part)) throw unsupported("WITH of this form", node);
    const { ctename = "", aliascolnames = [], ctequery, location } = part.CommonTableExpr;
    const names = aliascolnames.map((alias) => ("String" in alias ? (alias.String.sval ?? "") : ""));
    if (!ctequery || !("SelectStmt" in ctequery))
      throw unsupported("A statement that changes rows within WITH", { location });
    const named = (inner: Query) =>
      inner.columns.map((column, index) => ({ ...column, name: names[index] ?? column.name }));
    const first = ctequery.SelectStmt.larg;
    // A query that names itself has the columns of its first part.
    if (node.recursive && first && ctequery.SelectStmt.op !== "SETOP_NONE") {
      const probe = t.query(scope, { SelectStmt: first });
      scope.ctes.set(ctename, { name: ctename, columns: named(probe) });
    }
    const inner = t.query(scope, ctequery);
    const columns = named(inner);
    scope.ctes.set(ctename, { name: ctename, columns });
    return `${name(ctename)} (${columns.map((column) => name(column.alias ?? column.name)).join(", ")}) as (${inner.sql})`;
  });
  return `with ${node.recursive ? "recursive " : ""}${written.join(", ")} `;
}

function values(t: Translation, scope: Scope, node: SelectStmt): Query {
  const rows = (node.valuesLists ?? []).map((row) => ("List" in row ? (row.List.items ?? []) : []));
  const types = (rows[0] ?? []).map(
    (_, index) =>
      common(
        t,
        scope,
        rows.map((row) => row[index]!),
      ).type,
  );
  const written = rows.map(
    (row) => `(${row.map((part, index) => t.expression(scope, part, types[index]).sql).join(", ")})`,
  );
  const columns = types.map((type, index) => ({ name: `column${index + 1}`, type }));
  const renamed = columns.map((column) => `${name(column.name)}`).join(", ");
  const inner = `values ${written.join(", ")}`;
  const sql = `select ${columns.map((column, index) => `"column${index + 1}" as ${name(column.name)}`).join(", ")} from (${inner})`;
  if (renamed === "") throw wrong("42601", "VALUES needs a value");
  return { sql: sql + tail(t, scope, node, outputsOf(columns)), columns };
}

const outputsOf = (columns: Query["columns"]): Output[] =>
  columns.map((column) => ({ ...column, sql: name(column.alias ?? column.name) }));

const operations: Record<string, string> = {
  SETOP_UNION: "union",
  SETOP_INTERSECT: "intersect",
  SETOP_EXCEPT: "except",
};

function combined(t: Translation, scope: Scope, node: SelectStmt): Query {
  const word = operations[node.op ?? ""];
  if (!word || (node.all && word !== "union")) throw unsupported("This combination of queries");
  const [left, right] = [node.larg!, node.rarg!].map((part) => t.query(scope, { SelectStmt: part }));
  if (left!.columns.length !== right!.columns.length) {
    throw wrong("42601", `each ${word.toUpperCase()} query must have the same number of columns`);
  }
  const columns = left!.columns.map((column, index) => ({
    name: column.name,
    type: combinedType(column.type, right!.columns[index]!.type, word),
  }));
  const sql = `${armSql(left!, node.larg!, node, "left")} ${word}${node.all ? " all" : ""} ${armSql(right!, node.rarg!, node, "right")}`;
  const end = tail(t, scope, node, outputsOf(columns));
  return { sql: end ? `select * from (${sql})${end}` : sql, columns };
}

/** SQLite has no parentheses there; and what refers to itself has to stand by itself. */
function armSql(inner: Query, arm: SelectStmt, whole: SelectStmt, side: "left" | "right"): string {
  const isCombined = arm.op !== undefined && arm.op !== "SETOP_NONE";
  const sameAsWhole = side === "left" && arm.op === whole.op && Boolean(arm.all) === Boolean(whole.all);
  const ends = arm.sortClause || arm.limitCount || arm.limitOffset || arm.withClause;
  return ends || (isCombined && !sameAsWhole) ? `select * from (${inner.sql})` : inner.sql;
}

function combinedType(left: PgType, right: PgType, word: string): PgType {
  if (left.name === right.name && left.array === right.array) return left;
  if (left.name === "unknown") return right;
  if (right.name === "unknown") return left;
  if (isNumber(left) && isNumber(right))
    return ["float8", "numeric", "int8"].includes(left.name) ? left : right;
  if (["text", "varchar"].includes(left.name) && ["text", "varchar"].includes(right.name)) return text;
  throw wrong("42804", `${word.toUpperCase()} types ${left.name} and ${right.name} cannot be matched`);
}

function plain(t: Translation, scope: Scope, node: SelectStmt): Query {
  if (node.windowClause) throw unsupported("WINDOW");
  const from = node.fromClause ? ` from ${fromClause(t, scope, node.fromClause)}` : "";
  const where = node.whereClause ? ` where ${condition(t, scope, node.whereClause)}` : "";
  const outputs = distinctNames(targets(t, scope, node.targetList ?? []));
  const group = node.groupClause ? groupBy(t, { ...scope, outputs }, node.groupClause) : "";
  const having = node.havingClause ? ` having ${condition(t, scope, node.havingClause)}` : "";
  const distinct = distinctWord(node);
  const list = outputs.map((output) => `${output.sql} as ${name(output.alias ?? output.name)}`).join(", ");
  // A query without columns, as `exists (select from …)` has it.
  const sql = `select ${distinct}${list || "1"}${from}${where}${group}${having}`;
  return { sql: sql + tail(t, scope, node, outputs), columns: outputs };
}

function distinctWord({ distinctClause }: SelectStmt): string {
  if (!distinctClause) return "";
  if (distinctClause.some((part) => Object.keys(part).length > 0)) throw unsupported("DISTINCT ON");
  return "distinct ";
}

/** Outputs may be called alike; whoever reads them from a subquery must tell them apart. */
function distinctNames(outputs: Output[]): Output[] {
  const taken = new Set(outputs.map((output) => output.name));
  const seen = new Set<string>();
  return outputs.map((output) => {
    if (!seen.has(output.name)) {
      seen.add(output.name);
      return output;
    }
    let count = 2;
    while (taken.has(`${output.name} ${count}`)) count += 1;
    const alias = `${output.name} ${count}`;
    taken.add(alias);
    return { ...output, alias };
  });
}

// A lock of rows isn't needed: whoever writes, writes alone.
function tail(t: Translation, scope: Scope, node: SelectStmt, outputs: Output[]): string {
  const order = node.sortClause ? ` order by ${orderBy(t, { ...scope, outputs }, node.sortClause)}` : "";
  if (node.limitOption === "LIMIT_OPTION_WITH_TIES") throw unsupported("WITH TIES");
  return order + limit(t, scope, node.limitCount, node.limitOffset);
}

function groupBy(t: Translation, scope: Scope, nodes: readonly Node[]): string {
  const keys = nodes.map((node) => {
    if ("GroupingSet" in node) throw unsupported("GROUPING SETS, CUBE and ROLLUP");
    const own =
      "ColumnRef" in node && node.ColumnRef.fields?.length === 1 ? node.ColumnRef.fields[0] : undefined;
    const column = own && "String" in own ? own.String.sval : undefined;
    const isColumn =
      column !== undefined &&
      scope.relations.some(({ columns }) => columns.some((one) => one.name === column));
    const output = isColumn ? undefined : outputOf(scope, node);
    return output?.sql ?? t.expression({ ...scope, outputs: undefined as never }, node).sql;
  });
  return ` group by ${keys.join(", ")}`;
}

/** The outputs of a query, or of RETURNING; `*` written out. */
export function targets(t: Translation, scope: Scope, nodes: readonly Node[]): Output[] {
  return nodes.flatMap((node) => {
    if (!("ResTarget" in node)) throw unsupported("An output of this form");
    const { name: alias, val } = node.ResTarget;
    const star = starOf(val!);
    if (star) return starColumns(scope, star, node.ResTarget);
    const value = t.expression(scope, val!);
    return [
      {
        name: alias ?? outputName(val!),
        type: value.type,
        sql: value.sql,
        ...(value.notNull && { notNull: true }),
      },
    ];
  });
}

function starOf(node: Node): string[] | undefined {
  if (!("ColumnRef" in node)) return undefined;
  const fields = node.ColumnRef.fields ?? [];
  if (!fields.some((field) => "A_Star" in field)) return undefined;
  return fields.flatMap((field) => ("String" in field ? [field.String.sval ?? ""] : []));
}

function starColumns(scope: Scope, path: string[], node: { location?: number }): Output[] {
  const alias = path.at(-1);
  const relations: Relation[] = scope.relations.filter((relation) =>
    alias === undefined ? !relation.hidden : relation.alias === alias,
  );
  if (relations.length === 0) {
    if (alias === undefined) throw wrong("42601", "SELECT * with no tables specified is not valid", node);
    throw wrong("42P01", `missing FROM-clause entry for table "${alias}"`, node);
  }
  return relations.flatMap(({ columns }) => columns.filter(({ merged }) => alias !== undefined || !merged));
}
