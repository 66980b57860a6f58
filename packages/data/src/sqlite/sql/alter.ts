import type { AlterTableCmd, AlterTableStmt, Constraint, RenameStmt } from "@pgsql/types";
import { cast } from "./casts.ts";
import { findModelColumn } from "./change.ts";
import { addColumn, addColumnConstraints, addConstraint, assertCounters } from "./create-table.ts";
import { declaredName } from "./declared.ts";
import { type Definition, defaultSql } from "./definition.ts";
import type { Schema, Table } from "./model.ts";
import { name } from "./quote.ts";
import { unsupported, wrong } from "./refusal.ts";
import { rebuildTable } from "./table-sql.ts";
import { assertPublic, findTable } from "./translation.ts";
import { assertHeld, categoryOf, readType } from "./types.ts";

/** From which expression of the old table each column of the new one is taken. */
type Copied = Map<string, string>;

export function alterTable(definition: Definition, node: AlterTableStmt): void {
  const relation = node.relation!;
  assertPublic(relation.schemaname, relation.catalogname, relation);
  if (node.objtype !== "OBJECT_TABLE") throw unsupported("ALTER of this object", relation);
  if (node.missing_ok && !definition.schema.tables[relation.relname!]) return;
  const table = findTable(definition.schema, relation.relname!, relation);
  const copied: Copied = new Map(table.columns.map((column) => [column.name, name(column.name)]));
  for (const part of node.cmds ?? [])
    if ("AlterTableCmd" in part) change(definition, table, part.AlterTableCmd, copied);
  assertCounters(table, relation);
  definition.statements.push(...rebuildTable(definition.schema, table.name, table, copied));
}

function change(definition: Definition, table: Table, command: AlterTableCmd, copied: Copied): void {
  const { def } = command;
  switch (command.subtype) {
    case "AT_AddColumn": {
      const node = def && "ColumnDef" in def ? def.ColumnDef : {};
      if (command.missing_ok && table.columns.some((column) => column.name === node.colname)) return;
      addColumn(definition, table, node);
      addColumnConstraints(definition, table, node);
      return;
    }
    case "AT_DropColumn":
      dropColumn(definition, table, command, copied);
      return;
    case "AT_ColumnDefault": {
      const column = findModelColumn(table, command.name!, {});
      if (def) column.default = defaultSql(definition, def, column.type, column.name);
      else delete column.default;
      return;
    }
    case "AT_SetNotNull":
      findModelColumn(table, command.name!, {}).notNull = true;
      return;
    case "AT_DropNotNull":
      if (table.primaryKey?.columns.includes(command.name!))
        throw wrong("42P16", `column "${command.name}" is in a primary key`);
      findModelColumn(table, command.name!, {}).notNull = false;
      return;
    case "AT_AddConstraint":
      addConstraint(definition, table, (def && "Constraint" in def ? def.Constraint : {}) as Constraint);
      return;
    case "AT_DropConstraint":
      dropConstraint(table, command);
      return;
    case "AT_AlterColumnType":
      changeType(definition, table, command, copied);
      return;
    case "AT_ValidateConstraint":
    case "AT_ChangeOwner":
      return;
    default:
      throw unsupported(`ALTER TABLE … ${command.subtype?.replace("AT_", "")}`);
  }
}

const quoted = (column: string): string => name(column);

function dropColumn({ schema }: Definition, table: Table, command: AlterTableCmd, copied: Copied): void {
  const dropped = command.name!;
  if (command.missing_ok && !table.columns.some((column) => column.name === dropped)) return;
  findModelColumn(table, dropped, {});
  if (
    table.columns.some((column) => column.name !== dropped && column.generated?.includes(quoted(dropped)))
  ) {
    throw wrong(
      "2BP01",
      `cannot drop column ${dropped} of table ${table.name} because other objects depend on it`,
    );
  }
  refuseViews(schema, quoted(dropped), table.name);
  const referring = Object.values(schema.tables).some(({ foreignKeys }) =>
    foreignKeys.some((key) => key.table === table.name && key.references.includes(dropped)),
  );
  if (referring)
    throw unsupported(
      `Dropping the column ${dropped}, to which a foreign key refers,`,
      {},
      "Drop the foreign key first.",
    );
  table.columns = table.columns.filter((column) => column.name !== dropped);
  if (table.primaryKey?.columns.includes(dropped)) delete table.primaryKey;
  table.uniques = table.uniques.filter(({ columns }) => !columns.includes(dropped));
  table.foreignKeys = table.foreignKeys.filter(({ columns }) => !columns.includes(dropped));
  table.checks = table.checks.filter(({ sql }) => !sql.includes(quoted(dropped)));
  for (const index of Object.values(schema.indexes)) {
    if (index.table === table.name && index.sql.includes(quoted(dropped))) delete schema.indexes[index.name];
  }
  copied.delete(dropped);
}

function dropConstraint(table: Table, command: AlterTableCmd): void {
  const dropped = command.name!;
  const others = <Part extends { name: string }>(parts: Part[]): Part[] =>
    parts.filter((part) => part.name !== dropped);
  const count = (): number =>
    table.uniques.length + table.checks.length + table.foreignKeys.length + (table.primaryKey ? 1 : 0);
  const before = count();
  Object.assign(table, {
    uniques: others(table.uniques),
    checks: others(table.checks),
    foreignKeys: others(table.foreignKeys),
  });
  if (table.primaryKey?.name === dropped) delete table.primaryKey;
  if (count() === before && !command.missing_ok) {
    throw wrong("42704", `constraint "${dropped}" of relation "${table.name}" does not exist`);
  }
}

function changeType(definition: Definition, table: Table, command: AlterTableCmd, copied: Copied): void {
  const node = command.def && "ColumnDef" in command.def ? command.def.ColumnDef : {};
  const column = findModelColumn(table, command.name!, node);
  if (node.raw_default)
    throw unsupported("ALTER … TYPE … USING", node, "Add a column, fill it by UPDATE, drop the old one.");
  const type = readType(definition.schema, node.typeName!);
  assertHeld(type, node);
  if (column.default !== undefined && categoryOf(column.type) !== categoryOf(type))
    throw unsupported("Changing the type of a column with a default", node, "Drop the default first.");
  const held = copied.get(column.name);
  if (held) copied.set(column.name, cast({ sql: held, type: column.type }, type, node).sql);
  column.type = type;
  column.declared = declaredName(definition.schema, node.typeName!, type);
}

/** Views are texts to SQLite: what they name can't change under them. */
function refuseViews(schema: Schema, mentioned: string, table: string): void {
  const view = Object.values(schema.views).find(
    ({ sql }) => sql.includes(name(table)) && sql.includes(mentioned),
  );
  if (view)
    throw unsupported(
      `A change of what the view ${view.name} names`,
      {},
      "Drop the view, and create it again behind the change.",
    );
}

export function rename(definition: Definition, node: RenameStmt): void {
  const relation = node.relation;
  const from = node.renameType === "OBJECT_TABLE" ? relation?.relname : node.subname;
  const to = node.newname!;
  if (!relation || !from) throw unsupported("This renaming");
  assertPublic(relation.schemaname, relation.catalogname, relation);
  switch (node.renameType) {
    case "OBJECT_TABLE":
      renameTable(definition, from, to, relation);
      return;
    case "OBJECT_COLUMN":
      renameColumn(definition, relation.relname!, from, to, relation);
      return;
    case "OBJECT_TABCONSTRAINT": {
      const table = findTable(definition.schema, relation.relname!, relation);
      for (const part of [table.primaryKey, ...table.uniques, ...table.checks, ...table.foreignKeys])
        if (part?.name === from) part.name = to;
      rebuild(definition, table);
      return;
    }
    default:
      throw unsupported("This renaming", relation);
  }
}

function rebuild(
  definition: Definition,
  table: Table,
  oldName = table.name,
  renamed?: { from: string; to: string },
): void {
  const copied = new Map(
    table.columns.map((column) => [
      column.name,
      name(column.name === renamed?.to ? renamed.from : column.name),
    ]),
  );
  definition.statements.push(...rebuildTable(definition.schema, oldName, table, copied));
}

function renameTable(
  definition: Definition,
  from: string,
  to: string,
  node: { location?: number | undefined },
): void {
  const { schema } = definition;
  const table = findTable(schema, from, node);
  if (schema.tables[to] || schema.views[to]) throw wrong("42P07", `relation "${to}" already exists`, node);
  refuseViews(schema, quoted(from), from);
  delete schema.tables[from];
  table.name = to;
  schema.tables[to] = table;
  for (const index of Object.values(schema.indexes)) {
    if (index.table !== from) continue;
    index.table = to;
    index.sql = index.sql.replace(` on ${name(from)} (`, ` on ${name(to)} (`);
  }
  const others = Object.values(schema.tables).filter((other) =>
    other.foreignKeys.some((key) => key.table === from),
  );
  for (const other of others) for (const key of other.foreignKeys) if (key.table === from) key.table = to;
  rebuild(definition, table, from);
  for (const other of others) if (other !== table) rebuild(definition, other);
}

function renameColumn(
  definition: Definition,
  tableName: string,
  from: string,
  to: string,
  node: { location?: number | undefined },
): void {
  const { schema } = definition;
  const table = findTable(schema, tableName, node);
  const column = findModelColumn(table, from, node);
  if (table.columns.some((one) => one.name === to))
    throw wrong("42701", `column "${to}" of relation "${tableName}" already exists`, node);
  refuseViews(schema, quoted(from), tableName);
  const swap = (names: string[]): string[] => names.map((one) => (one === from ? to : one));
  const swapSql = (sql: string): string =>
    outsideStrings(sql, (part) => part.replaceAll(quoted(from), quoted(to)));
  column.name = to;
  if (table.primaryKey) table.primaryKey.columns = swap(table.primaryKey.columns);
  for (const key of table.uniques) key.columns = swap(key.columns);
  for (const key of table.foreignKeys) key.columns = swap(key.columns);
  for (const check of table.checks) check.sql = swapSql(check.sql);
  for (const one of table.columns) if (one.generated !== undefined) one.generated = swapSql(one.generated);
  for (const index of Object.values(schema.indexes)) {
    if (index.table === tableName)
      Object.assign(index, { sql: swapSql(index.sql), columns: index.columns.map(swapSql) });
  }
  const others = Object.values(schema.tables).filter((other) =>
    other.foreignKeys.some((key) => key.table === tableName && key.references.includes(from)),
  );
  for (const other of others)
    for (const key of other.foreignKeys) if (key.table === tableName) key.references = swap(key.references);
  rebuild(definition, table, tableName, { from, to });
  for (const other of others) if (other !== table) rebuild(definition, other);
}

/** Changes what stands outside of '…' in SQL of ours. */
function outsideStrings(sql: string, change_: (part: string) => string): string {
  return sql
    .split("'")
    .map((part, index) => (index % 2 === 0 ? change_(part) : part))
    .join("'");
}
