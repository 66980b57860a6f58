import type { DeleteStmt, InsertStmt, Node, OnConflictClause, RangeVar, UpdateStmt } from "@pgsql/types";
import { assign } from "./casts.ts";
import { condition } from "./expression.ts";
import { columnsOf, fromClause, tableRelation } from "./from.ts";
import type { Column as ModelColumn, Table } from "./model.ts";
import { name } from "./quote.ts";
import { unsupported, wrong } from "./refusal.ts";
import { targets, withClause } from "./select.ts";
import {
  assertPublic,
  findTable,
  newScope,
  type Query,
  type Relation,
  type Scope,
  type Translation,
} from "./translation.ts";

/** A statement that changes rows; `columns` when it returns some. */
export type Change = { sql: string; columns: Query["columns"] | undefined };

function target(t: Translation, node: RangeVar): { table: Table; alias: string } {
  assertPublic(node.schemaname, node.catalogname, node);
  const table = findTable(t.schema, node.relname!, node);
  return { table, alias: node.alias?.aliasname ?? table.name };
}

export function findModelColumn(
  table: Table,
  column: string,
  node: { location?: number | undefined },
): ModelColumn {
  const found = table.columns.find((one) => one.name === column);
  if (!found) throw wrong("42703", `column "${column}" of relation "${table.name}" does not exist`, node);
  return found;
}

const before = (t: Translation, scope: Scope, node: { withClause?: InsertStmt["withClause"] }): string =>
  node.withClause ? withClause(t, scope, node.withClause) : "";

/** RETURNING sees the table's columns, which SQLite wants without the table's name there. */
function returning(t: Translation, relation: Relation, nodes: readonly Node[] | undefined): Change {
  if (!nodes) return { sql: "", columns: undefined };
  const columns = relation.table!.columns.map((column) => ({
    name: column.name,
    type: column.type,
    sql: name(column.name),
    notNull: column.notNull,
  }));
  const scope: Scope = { ...newScope(), relations: [{ ...relation, columns }] };
  const outputs = targets(t, scope, nodes);
  return {
    sql: ` returning ${outputs.map((output) => `${output.sql} as ${name(output.name)}`).join(", ")}`,
    columns: outputs,
  };
}

const exprsOf = (node: InsertStmt): readonly Node[] | undefined => node.returningClause?.exprs;

export function insert(t: Translation, node: InsertStmt): Change {
  const scope = newScope();
  const start = before(t, scope, node);
  const { table, alias } = target(t, node.relation!);
  const relation = tableRelation(table, alias);
  const names = (node.cols ?? []).map((part) => ("ResTarget" in part ? (part.ResTarget.name ?? "") : ""));
  const all =
    names.length > 0 ? names.map((one) => findModelColumn(table, one, node.relation!)) : table.columns;
  const overriding = node.override !== "OVERRIDING_NOT_SET" && node.override !== undefined;
  const source = node.selectStmt && "SelectStmt" in node.selectStmt ? node.selectStmt.SelectStmt : undefined;
  const into = `insert into ${name(table.name)} as ${name(alias)}`;
  const returned = returning(t, relation, exprsOf(node));
  if (!source) return { sql: `${start}${into} default values${returned.sql}`, columns: returned.columns };
  const rows = source.valuesLists
    ? insertRows(
        t,
        scope,
        { table, all, rows: source.valuesLists, overriding, named: names.length > 0 },
        node,
      )
    : insertQuery(t, scope, { table, all, overriding, named: names.length > 0 }, node.selectStmt!, node);
  const conflict = node.onConflictClause ? onConflict(t, relation, node.onConflictClause) : "";
  const list =
    rows.columns.length > 0
      ? ` (${rows.columns.map(({ name: column }) => name(column)).join(", ")}) ${rows.sql}`
      : " default values";
  return { sql: start + into + list + conflict + returned.sql, columns: returned.columns };
}

type Target = { table: Table; all: readonly ModelColumn[]; overriding: boolean; named: boolean };

function assertWritable(column: ModelColumn, overriding: boolean, node: InsertStmt): void {
  if (column.generated !== undefined || (column.identity === "always" && !overriding)) {
    throw wrong("428C9", `cannot insert a non-DEFAULT value into column "${column.name}"`, node.relation);
  }
}

/** SQLite has no DEFAULT among values: a column that has it everywhere is left out, elsewhere its default is written. */
function insertRows(
  t: Translation,
  scope: Scope,
  given: Target & { rows: readonly Node[] },
  node: InsertStmt,
) {
  const rows = given.rows.map((row) => ("List" in row ? (row.List.items ?? []) : []));
  const width = rows[0]?.length ?? 0;
  if (rows.some((row) => row.length !== width))
    throw wrong("42601", "VALUES lists must all be the same length", node.relation);
  if (width > given.all.length)
    throw wrong("42601", "INSERT has more expressions than target columns", node.relation);
  if (given.named && width < given.all.length)
    throw wrong("42601", "INSERT has more target columns than expressions", node.relation);
  const isDefault = (part: Node | undefined): boolean => part !== undefined && "SetToDefault" in part;
  const kept = given.all
    .slice(0, width)
    .map((column, index) => ({ column, index }))
    .filter(({ index }) => !rows.every((row) => isDefault(row[index])));
  const written = rows.map((row) => {
    const cells = kept.map(({ column, index }) => {
      const cell = row[index]!;
      if (isDefault(cell)) return defaultOf(column);
      assertWritable(column, given.overriding, node);
      return assign(t.expression(scope, cell, column.type), column.type, column.name, node.relation!);
    });
    return `(${cells.join(", ")})`;
  });
  if (kept.length === 0 && rows.length > 1)
    throw unsupported("Several rows of nothing but DEFAULT", node.relation);
  return { columns: kept.map(({ column }) => column), sql: `values ${written.join(", ")}` };
}

function defaultOf(column: ModelColumn): string {
  if (column.generated !== undefined) throw unsupported("DEFAULT for a generated column beside other values");
  return column.identity ? "null" : (column.default ?? "null");
}

function insertQuery(t: Translation, scope: Scope, given: Target, source: Node, node: InsertStmt) {
  const inner = t.query(scope, source);
  if (inner.columns.length > given.all.length)
    throw wrong("42601", "INSERT has more expressions than target columns", node.relation);
  const columns = given.all.slice(0, inner.columns.length);
  const alias = "given";
  const from = columnsOf(alias, inner.columns);
  const list = columns.map((column, index) => {
    assertWritable(column, given.overriding, node);
    return assign(from[index]!, column.type, column.name, node.relation!);
  });
  // Without WHERE SQLite would take ON CONFLICT for a join's condition.
  return { columns, sql: `select ${list.join(", ")} from (${inner.sql}) as ${name(alias)} where true` };
}

function onConflict(t: Translation, relation: Relation, node: OnConflictClause): string {
  const { infer, action } = node;
  const where = conflictTarget(t, relation, infer);
  if (action === "ONCONFLICT_NOTHING") return ` on conflict${where} do nothing`;
  const table = relation.table!;
  const excluded: Relation = {
    alias: "excluded",
    columns: columnsOf("excluded", table.columns),
    hidden: true,
  };
  const scope: Scope = { ...newScope(), relations: [relation, excluded] };
  const sets = assignments(t, scope, table, node.targetList ?? []);
  const condition_ = node.whereClause ? ` where ${condition(t, scope, node.whereClause)}` : "";
  return ` on conflict${where} do update set ${sets}${condition_}`;
}

function conflictTarget(t: Translation, relation: Relation, infer: OnConflictClause["infer"]): string {
  if (!infer) return "";
  const table = relation.table!;
  if (infer.conname) {
    const key = [...(table.primaryKey ? [table.primaryKey] : []), ...table.uniques].find(
      (one) => one.name === infer.conname,
    );
    if (!key)
      throw wrong("42704", `constraint "${infer.conname}" for table "${table.name}" does not exist`, infer);
    return ` (${key.columns.map(name).join(", ")})`;
  }
  const columns = table.columns.map((column) => ({
    name: column.name,
    type: column.type,
    sql: name(column.name),
    notNull: column.notNull,
  }));
  const scope: Scope = { ...newScope(), relations: [{ ...relation, columns }] };
  const parts = (infer.indexElems ?? []).map((part) => {
    const element = "IndexElem" in part ? part.IndexElem : {};
    if (element.expr) return t.expression(scope, element.expr).sql;
    return name(findModelColumn(table, element.name ?? "", infer).name);
  });
  assertArbiter(t, table, infer, parts);
  const partial = infer.whereClause ? ` where ${condition(t, scope, infer.whereClause)}` : "";
  return ` (${parts.join(", ")})${partial}`;
}

function assertArbiter(
  t: Translation,
  table: Table,
  infer: NonNullable<OnConflictClause["infer"]>,
  parts: readonly string[],
): void {
  const wanted = [...parts].sort().join();
  const keys = [table.primaryKey, ...table.uniques].map((key) =>
    [...(key?.columns ?? [])].map(name).sort().join(),
  );
  const indexes = Object.values(t.schema.indexes).filter(
    (index) => index.table === table.name && index.unique,
  );
  if (keys.includes(wanted) || indexes.some((index) => [...index.columns].sort().join() === wanted)) return;
  throw wrong(
    "42P10",
    "there is no unique or exclusion constraint matching the ON CONFLICT specification",
    infer,
  );
}

/** What stands behind SET. */
function assignments(t: Translation, scope: Scope, table: Table, nodes: readonly Node[]): string {
  const sets = nodes.map((node, index) => {
    const set = "ResTarget" in node ? node.ResTarget : {};
    if (set.indirection) throw unsupported("Setting a part of a column", set);
    const column = findModelColumn(table, set.name ?? "", set);
    const value = assignedValue(set.val!, nodes, index);
    if ("SetToDefault" in value) {
      if (column.identity) throw unsupported("SET … = DEFAULT of a counted column", set);
      return column.generated === undefined ? `${name(column.name)} = ${column.default ?? "null"}` : "";
    }
    if (column.generated !== undefined || column.identity === "always") {
      throw wrong("428C9", `column "${column.name}" can only be updated to DEFAULT`, set);
    }
    return `${name(column.name)} = ${assign(t.expression(scope, value, column.type), column.type, column.name, set)}`;
  });
  return sets.filter((set) => set !== "").join(", ");
}

// `(a, b) = ($1, $2)` comes as one source and the number of the part.
function assignedValue(node: Node, nodes: readonly Node[], _index: number): Node {
  if (!("MultiAssignRef" in node)) return node;
  const { source, colno = 1 } = node.MultiAssignRef;
  const found =
    source ??
    nodes.flatMap((one) =>
      "ResTarget" in one && one.ResTarget.val && "MultiAssignRef" in one.ResTarget.val
        ? (one.ResTarget.val.MultiAssignRef.source ?? [])
        : [],
    )[0];
  if (!found || !("RowExpr" in found)) throw unsupported("SET of several columns to a query");
  return found.RowExpr.args![colno - 1]!;
}

export function update(t: Translation, node: UpdateStmt): Change {
  const scope = newScope();
  const start = before(t, scope, node);
  const { table, alias } = target(t, node.relation!);
  const relation = tableRelation(table, alias);
  scope.relations.push(relation);
  const from = node.fromClause ? ` from ${fromClause(t, scope, node.fromClause)}` : "";
  const sets = assignments(t, scope, table, node.targetList ?? []);
  const where = node.whereClause ? ` where ${condition(t, scope, node.whereClause)}` : "";
  const returned = returning(t, relation, node.returningClause?.exprs);
  return {
    sql: `${start}update ${name(table.name)} as ${name(alias)} set ${sets}${from}${where}${returned.sql}`,
    columns: returned.columns,
  };
}

export function remove(t: Translation, node: DeleteStmt): Change {
  const scope = newScope();
  const start = before(t, scope, node);
  const { table, alias } = target(t, node.relation!);
  const relation = tableRelation(table, alias);
  scope.relations.push(relation);
  const others = node.usingClause ? fromClause(t, scope, node.usingClause) : "";
  const where = node.whereClause ? ` where ${condition(t, scope, node.whereClause)}` : "";
  const returned = returning(t, relation, node.returningClause?.exprs);
  const rows = others
    ? ` where "_rowid_" in (select ${name(alias)}."_rowid_" from ${name(table.name)} as ${name(alias)}, ${others}${where})`
    : where;
  return {
    sql: `${start}delete from ${name(table.name)} as ${name(alias)}${rows}${returned.sql}`,
    columns: returned.columns,
  };
}
