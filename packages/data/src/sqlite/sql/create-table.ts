import type { ColumnDef, Constraint, CreateStmt } from "@pgsql/types";
import { declaredName, sequenceName } from "./declared.ts";
import {
  attempt,
  checkSql,
  type Definition,
  defaultSql,
  freeName,
  generatedSql,
  stringsOf,
} from "./definition.ts";
import type { Column, ForeignKey, Table } from "./model.ts";
import { Refusal, unsupported, wrong } from "./refusal.ts";
import { createTable } from "./table-sql.ts";
import { assertPublic } from "./translation.ts";
import { assertHeld, isInteger, readType, text } from "./types.ts";

export function defineTable(definition: Definition, node: CreateStmt): void {
  const relation = node.relation!;
  assertPublic(relation.schemaname, relation.catalogname, relation);
  const { schema } = definition;
  const named = relation.relname!;
  if (schema.tables[named] || schema.views[named]) {
    if (node.if_not_exists) return;
    throw wrong("42P07", `relation "${named}" already exists`, relation);
  }
  if (relation.relpersistence === "t") throw unsupported("A temporary table", relation);
  if (node.inhRelations || node.partspec || node.partbound)
    throw unsupported("A partitioned or inheriting table", relation, "Use one table.");
  if (named.toLowerCase().startsWith("sqlite_") || named.toLowerCase().startsWith("tenantry_"))
    throw unsupported(`The table name ${named}`, relation);
  const table: Table = { name: named, columns: [], uniques: [], foreignKeys: [], checks: [] };
  schema.tables[named] = table;
  for (const element of node.tableElts ?? []) {
    if ("ColumnDef" in element) addColumn(definition, table, element.ColumnDef);
    else if (!("Constraint" in element)) definition.report(unsupported("LIKE in CREATE TABLE", relation));
  }
  // When all columns are there: checks of one column may name others.
  for (const element of node.tableElts ?? []) {
    if ("ColumnDef" in element) addColumnConstraints(definition, table, element.ColumnDef);
    if ("Constraint" in element)
      attempt(definition, () => addConstraint(definition, table, element.Constraint));
  }
  attempt(definition, () => assertCounters(table, relation));
  definition.statements.push(createTable(table));
}

export const serials = new Set(["serial", "bigserial", "smallserial", "serial4", "serial8", "serial2"]);

/** The column by itself; its constraints come when all columns are known. */
export function addColumn(definition: Definition, table: Table, node: ColumnDef): Column {
  const named = node.colname!;
  if (table.columns.some((column) => column.name.toLowerCase() === named.toLowerCase())) {
    definition.report(wrong("42701", `column "${named}" specified more than once`, node));
  }
  if (named.toLowerCase() === "_rowid_" || named.startsWith("tenantry_"))
    definition.report(unsupported(`The column name ${named}`, node));
  const type = attempt(definition, () => {
    const read = readType(definition.schema, node.typeName!);
    assertHeld(read, node);
    return read;
  });
  const column: Column = { name: named, type: type ?? text, notNull: node.is_not_null ?? false };
  if (type) column.declared = declaredName(definition.schema, node.typeName!, type);
  const typeName = stringsOf(node.typeName?.names).at(-1) ?? "";
  if (serials.has(typeName)) {
    const sequence = sequenceName(definition.schema, table, named);
    Object.assign(column, { identity: "default", notNull: true, sequence });
  }
  const domain = definition.schema.domains[typeName];
  if (domain?.notNull) column.notNull = true;
  if (domain?.default !== undefined) column.default = domain.default;
  for (const check of domain?.checks ?? []) {
    table.checks.push({
      name: check.name,
      sql: check.sql.replaceAll('"value"', `"${named.replaceAll('"', '""')}"`),
    });
  }
  table.columns.push(column);
  return column;
}

export function addColumnConstraints(definition: Definition, table: Table, node: ColumnDef): void {
  const column = table.columns.find((one) => one.name === node.colname)!;
  for (const part of node.constraints ?? []) {
    if ("Constraint" in part)
      attempt(definition, () => addColumnConstraint(definition, table, column, part.Constraint));
  }
}

function addColumnConstraint(definition: Definition, table: Table, column: Column, node: Constraint): void {
  switch (node.contype) {
    case "CONSTR_NOTNULL":
      column.notNull = true;
      return;
    case "CONSTR_NULL":
      return;
    case "CONSTR_DEFAULT":
      column.default = defaultSql(definition, node.raw_expr!, column.type, column.name);
      return;
    case "CONSTR_IDENTITY":
      column.identity = node.generated_when === "a" ? "always" : "default";
      column.notNull = true;
      column.sequence = sequenceName(definition.schema, table, column.name);
      return;
    case "CONSTR_GENERATED":
      column.generated = generatedSql(definition, table, column, node.raw_expr!);
      return;
    case "CONSTR_ATTR_DEFERRABLE":
    case "CONSTR_ATTR_DEFERRED":
    case "CONSTR_ATTR_NOT_DEFERRABLE":
    case "CONSTR_ATTR_IMMEDIATE": {
      const key = table.foreignKeys.findLast(
        ({ columns }) => columns.length === 1 && columns[0] === column.name,
      );
      if (!key) throw unsupported("A deferrable constraint that is no foreign key", node);
      if (node.contype === "CONSTR_ATTR_DEFERRABLE")
        key.deferrable = key.deferrable === "deferred" ? "deferred" : "immediate";
      if (node.contype === "CONSTR_ATTR_DEFERRED") key.deferrable = "deferred";
      return;
    }
    default:
      addConstraint(definition, table, node, column);
  }
}

/** A key, a check or a foreign key; `column` when it stands with one. */
export function addConstraint(definition: Definition, table: Table, node: Constraint, column?: Column): void {
  const keys = column ? [column.name] : stringsOf(node.keys);
  const named = (suffix: string, columns: readonly string[]): string =>
    node.conname ?? freeName(definition.schema, [table.name, ...columns, suffix].join("_"));
  for (const key of keys)
    if (!table.columns.some((one) => one.name === key))
      throw wrong("42703", `column "${key}" named in key does not exist`, node);
  if (node.indexname) throw unsupported("A constraint that uses an index", node);
  switch (node.contype) {
    case "CONSTR_PRIMARY":
      if (table.primaryKey)
        throw wrong("42P16", `multiple primary keys for table "${table.name}" are not allowed`, node);
      refuseDeferrable(node);
      table.primaryKey = { name: named("pkey", []), columns: keys };
      for (const one of table.columns) if (keys.includes(one.name)) one.notNull = true;
      return;
    case "CONSTR_UNIQUE":
      if (node.nulls_not_distinct) throw unsupported("NULLS NOT DISTINCT", node);
      refuseDeferrable(node);
      table.uniques.push({ name: named("key", keys), columns: keys });
      return;
    case "CONSTR_CHECK": {
      const used = column ? [column.name] : [];
      table.checks.push({ name: named("check", used), sql: checkSql(definition, table, node.raw_expr!) });
      return;
    }
    case "CONSTR_FOREIGN":
      table.foreignKeys.push(
        foreignKey(definition, table, node, column ? [column.name] : stringsOf(node.fk_attrs), named),
      );
      return;
    case "CONSTR_NOTNULL":
      for (const one of table.columns) if (keys.includes(one.name)) one.notNull = true;
      return;
    case "CONSTR_EXCLUSION":
      throw unsupported("An exclusion constraint", node);
    default:
      throw unsupported(`A constraint of the kind ${node.contype}`, node);
  }
}

function refuseDeferrable(node: Constraint): void {
  if (node.deferrable) throw unsupported("A deferrable key", node, "Foreign keys can be deferrable.");
}

const actions: Record<string, string> = {
  a: "no action",
  r: "restrict",
  c: "cascade",
  n: "set null",
  d: "set default",
};

function foreignKey(
  definition: Definition,
  table: Table,
  node: Constraint,
  columns: string[],
  named: (suffix: string, columns: readonly string[]) => string,
): ForeignKey {
  const target = node.pktable!;
  assertPublic(target.schemaname, target.catalogname, target);
  const parent = definition.schema.tables[target.relname!];
  if (!parent) throw wrong("42P01", `relation "${target.relname}" does not exist`, target);
  const references = node.pk_attrs ? stringsOf(node.pk_attrs) : (parent.primaryKey?.columns ?? []);
  const isKey = [parent.primaryKey, ...parent.uniques].some(
    (key) => key && [...key.columns].sort().join() === [...references].sort().join(),
  );
  const isIndex = Object.values(definition.schema.indexes).some(
    (index) =>
      index.table === parent.name &&
      index.unique &&
      index.columns.join() === references.map((one) => `"${one}"`).join(),
  );
  if (references.length === 0 || !(isKey || isIndex)) {
    throw wrong(
      "42830",
      `there is no unique constraint matching given keys for referenced table "${parent.name}"`,
      node,
    );
  }
  if (node.fk_matchtype === "f") throw unsupported("MATCH FULL", node);
  if (node.fk_del_set_cols) throw unsupported("ON DELETE SET NULL of some columns", node);
  for (const column of columns)
    if (!table.columns.some((one) => one.name === column))
      throw wrong("42703", `column "${column}" referenced in foreign key constraint does not exist`, node);
  return {
    name: named("fkey", columns),
    columns,
    table: parent.name,
    references,
    onDelete: actions[node.fk_del_action ?? "a"]!,
    onUpdate: actions[node.fk_upd_action ?? "a"]!,
    deferrable: node.deferrable ? (node.initdeferred ? "deferred" : "immediate") : "no",
  };
}

/** SQLite counts in one column alone: the only one of the primary key. */
export function assertCounters(table: Table, node: { location?: number | undefined }): void {
  const counted = table.columns.filter(({ identity }) => identity);
  const [first] = counted;
  if (!first) return;
  const isKey =
    counted.length === 1 &&
    table.primaryKey?.columns.length === 1 &&
    table.primaryKey.columns[0] === first.name &&
    isInteger(first.type);
  if (isKey) return;
  // Told once; the rest of the migration is looked at as if it were a plain column.
  for (const column of counted) {
    delete column.identity;
    delete column.sequence;
  }
  throw new Refusal("0A000", `The column ${first.name} counts, but isn't the primary key by itself.`, {
    location: node.location,
    hint: "At the level sqlite only a primary key of one column can be serial or identity.",
  });
}
