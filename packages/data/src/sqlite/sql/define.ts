import type {
  CreateDomainStmt,
  CreateEnumStmt,
  DeleteStmt,
  DropStmt,
  IndexStmt,
  InsertStmt,
  Node,
  UpdateStmt,
  ViewStmt,
} from "@pgsql/types";
import { alterTable, rename } from "./alter.ts";
import { insert, remove, update } from "./change.ts";
import { defineTable } from "./create-table.ts";
import {
  assertPlain,
  type Definition,
  defaultSql,
  freeName,
  schemaTranslation,
  stringsOf,
  tableScope,
} from "./definition.ts";
import { condition } from "./expression.ts";
import type { Schema, Table } from "./model.ts";
import { name } from "./quote.ts";
import { unsupported, wordsOf, wrong } from "./refusal.ts";
import { rebuildTable } from "./table-sql.ts";
import { assertPublic, findTable, newScope } from "./translation.ts";
import { readType } from "./types.ts";

/** What a migration may say: the schema's parts, and rows. */
export function define(definition: Definition, node: Node): void {
  const [kind, part] = Object.entries(node)[0] as [string, never];
  const work = Object.hasOwn(definers, kind) ? definers[kind]! : undefined;
  if (!work) throw unsupported(constructs[kind] ?? wordsOf(kind, part), undefined, remedies[kind]);
  work(definition, part);
}

const constructs: Record<string, string> = {
  CreateFunctionStmt: "A function or procedure",
  CreateTrigStmt: "A trigger",
  CreateSeqStmt: "A sequence",
  CreateSchemaStmt: "A schema of its own",
  CreateTableAsStmt: "CREATE TABLE AS, or a materialized view",
  DoStmt: "DO",
  GrantStmt: "GRANT",
  CreatePolicyStmt: "A policy",
  CopyStmt: "COPY",
  TransactionStmt: "BEGIN and COMMIT in a migration",
  CompositeTypeStmt: "A composite type",
  CreateRangeStmt: "A range type",
  CreateExtensionStmt: "This extension",
  SelectStmt: "SELECT in a migration",
};
const remedies: Record<string, string> = {
  CreateFunctionStmt: "Do in the application what it does, or keep to a PostgreSQL level.",
  CreateTrigStmt: "Do in the application what it does, or keep to a PostgreSQL level.",
  CreateSeqStmt: "Use a primary key that is serial or identity.",
  CreateTableAsStmt: "Use CREATE TABLE and INSERT … SELECT, or a view.",
  GrantStmt: "Leave it out: an environment's file has one user.",
  TransactionStmt: "Leave it out: a migration is a transaction already.",
  CopyStmt: "Use INSERT.",
};

const definers: Record<string, (definition: Definition, node: never) => void> = {
  CreateStmt: defineTable as never,
  IndexStmt: defineIndex as never,
  ViewStmt: defineView as never,
  DropStmt: drop as never,
  AlterTableStmt: alterTable as never,
  RenameStmt: rename as never,
  CreateEnumStmt: defineEnum as never,
  AlterEnumStmt: alterEnum as never,
  CreateDomainStmt: defineDomain as never,
  InsertStmt: ((d: Definition, node: InsertStmt) =>
    d.statements.push(insert(schemaTranslation(d), node).sql)) as never,
  UpdateStmt: ((d: Definition, node: UpdateStmt) =>
    d.statements.push(update(schemaTranslation(d), node).sql)) as never,
  DeleteStmt: ((d: Definition, node: DeleteStmt) =>
    d.statements.push(remove(schemaTranslation(d), node).sql)) as never,
  // Told to people, not to the database.
  CommentStmt: () => undefined,
  AlterOwnerStmt: () => undefined,
  VariableSetStmt: ((_d: Definition, { name: setting = "" }: { name?: string }) => {
    if (!harmlessSettings.has(setting)) throw unsupported(`SET ${setting}`);
  }) as never,
  CreateExtensionStmt: ((_d: Definition, { extname = "" }: { extname?: string }) => {
    // Their functions that are known here need no extension.
    if (!["pgcrypto", "uuid-ossp", "plpgsql"].includes(extname))
      throw unsupported(`The extension ${extname}`);
  }) as never,
};

/** What pg_dump and migrators write at the beginning, and nothing here depends on. */
const harmlessSettings = new Set([
  "statement_timeout",
  "lock_timeout",
  "idle_in_transaction_session_timeout",
  "transaction_timeout",
  "client_encoding",
  "standard_conforming_strings",
  "check_function_bodies",
  "xmloption",
  "client_min_messages",
  "row_security",
  "default_tablespace",
  "default_table_access_method",
  "search_path",
]);

function defineIndex(definition: Definition, node: IndexStmt): void {
  const relation = node.relation!;
  assertPublic(relation.schemaname, relation.catalogname, relation);
  const { schema } = definition;
  const table = findTable(schema, relation.relname!, relation);
  if (node.idxname && schema.indexes[node.idxname]) {
    if (node.if_not_exists) return;
    throw wrong("42P07", `relation "${node.idxname}" already exists`, relation);
  }
  if (node.accessMethod && node.accessMethod !== "btree") {
    throw unsupported(`An index by ${node.accessMethod}`, relation, "SQLite has indexes of the kind btree.");
  }
  if (node.nulls_not_distinct || node.indexIncludingParams)
    throw unsupported("INCLUDE, or NULLS NOT DISTINCT, of an index", relation);
  const t = schemaTranslation(definition);
  const names: string[] = [];
  const keys = (node.indexParams ?? []).map((part) => {
    const element = "IndexElem" in part ? part.IndexElem : {};
    if (element.opclass) throw unsupported("An operator class of an index", relation, "Leave it out.");
    const scope = tableScope(table);
    if (element.expr) assertPlain(element.expr);
    const key = t.expression(
      scope,
      element.expr ?? { ColumnRef: { fields: [{ String: { sval: element.name! } }] } },
    );
    names.push(element.name ?? "expr");
    return { key: key.sql, down: element.ordering === "SORTBY_DESC" ? " desc" : "" };
  });
  const where = node.whereClause ? ` where ${condition(t, tableScope(table), node.whereClause)}` : "";
  const named = node.idxname ?? freeName(schema, [table.name, ...names, "idx"].join("_"));
  const sql = `create ${node.unique ? "unique " : ""}index ${name(named)} on ${name(table.name)} (${keys.map(({ key, down }) => key + down).join(", ")})${where}`;
  schema.indexes[named] = {
    name: named,
    table: table.name,
    unique: node.unique ?? false,
    columns: keys.map(({ key }) => key),
    sql,
  };
  definition.statements.push(sql);
}

function defineView(definition: Definition, node: ViewStmt): void {
  const view = node.view!;
  assertPublic(view.schemaname, view.catalogname, view);
  const { schema } = definition;
  const named = view.relname!;
  if (schema.tables[named] || (schema.views[named] && !node.replace))
    throw wrong("42P07", `relation "${named}" already exists`, view);
  if (view.relpersistence === "t") throw unsupported("A temporary view", view);
  const { sql: inner, columns: found } = schemaTranslation(definition).query(newScope(), node.query!);
  const aliases = stringsOf(node.aliases);
  const columns = found.map(({ name: own, type }, index) => ({ name: aliases[index] ?? own, type }));
  const sql = `create view ${name(named)} (${columns.map((column) => name(column.name)).join(", ")}) as ${inner}`;
  if (schema.views[named]) definition.statements.push(`drop view ${name(named)}`);
  schema.views[named] = { name: named, columns, sql };
  definition.statements.push(sql);
}

function drop(definition: Definition, node: DropStmt): void {
  for (const object of node.objects ?? []) {
    const path =
      "List" in object
        ? stringsOf(object.List.items)
        : "TypeName" in object
          ? stringsOf(object.TypeName.names)
          : stringsOf([object]);
    assertPublic(path.at(-2), path.at(-3), {});
    dropOne(definition, node, path.at(-1)!);
  }
}

function dropOne(definition: Definition, node: DropStmt, dropped: string): void {
  const { schema } = definition;
  if (node.removeType === "OBJECT_EXTENSION") return;
  if (node.removeType === "OBJECT_TYPE" || node.removeType === "OBJECT_DOMAIN") {
    dropType(definition, dropped, node);
    return;
  }
  const kinds = { OBJECT_TABLE: schema.tables, OBJECT_VIEW: schema.views, OBJECT_INDEX: schema.indexes };
  const kind: Record<string, unknown> | undefined = kinds[node.removeType as keyof typeof kinds];
  const word = node.removeType?.replace("OBJECT_", "").toLowerCase().replaceAll("_", " ");
  if (!kind) throw unsupported(`DROP ${word}`);
  if (!kind[dropped]) {
    if (node.missing_ok) return;
    throw wrong("42P01", `relation "${dropped}" does not exist`);
  }
  if (node.removeType !== "OBJECT_INDEX") refuseNamingViews(schema, dropped);
  if (node.removeType === "OBJECT_TABLE") {
    dropTable(definition, dropped, node.behavior === "DROP_CASCADE");
    return;
  }
  delete kind[dropped];
  definition.statements.push(`drop ${word} ${name(dropped)}`);
}

function refuseNamingViews(schema: Schema, dropped: string): void {
  const view = Object.values(schema.views).find(
    ({ name: own, sql }) => own !== dropped && sql.includes(name(dropped)),
  );
  if (view)
    throw unsupported(`Dropping ${dropped}, which the view ${view.name} names,`, {}, "Drop the view first.");
}

function dropTable({ schema, statements }: Definition, dropped: string, cascades: boolean): void {
  const referring = Object.values(schema.tables).filter(
    (table) => table.name !== dropped && table.foreignKeys.some((key) => key.table === dropped),
  );
  if (referring.length > 0 && !cascades) {
    throw wrong("2BP01", `cannot drop table ${dropped} because other objects depend on it`);
  }
  delete schema.tables[dropped];
  for (const index of Object.values(schema.indexes))
    if (index.table === dropped) delete schema.indexes[index.name];
  statements.push(`drop table ${name(dropped)}`);
  for (const table of referring) {
    table.foreignKeys = table.foreignKeys.filter((key) => key.table !== dropped);
    statements.push(...rebuildTable(schema, table.name, table, asItIs(table)));
  }
}

const asItIs = (table: Table) => new Map(table.columns.map((column) => [column.name, name(column.name)]));

function dropType({ schema }: Definition, dropped: string, node: DropStmt): void {
  const used = Object.values(schema.tables).some(({ columns }) =>
    columns.some(({ type }) => type.labels && type.name === dropped),
  );
  if (used) throw wrong("2BP01", `cannot drop type ${dropped} because other objects depend on it`);
  if (!schema.enums[dropped] && !schema.domains[dropped] && !node.missing_ok)
    throw wrong("42704", `type "${dropped}" does not exist`);
  delete schema.enums[dropped];
  delete schema.domains[dropped];
}

function defineEnum({ schema }: Definition, node: CreateEnumStmt): void {
  const path = stringsOf(node.typeName);
  assertPublic(path.at(-2), undefined, {});
  const named = path.at(-1)!;
  if (schema.enums[named] || schema.domains[named]) throw wrong("42710", `type "${named}" already exists`);
  schema.enums[named] = stringsOf(node.vals);
}

function alterEnum(
  definition: Definition,
  node: {
    typeName?: Node[];
    oldVal?: string;
    newVal?: string;
    newValNeighbor?: string;
    newValIsAfter?: boolean;
    skipIfNewValExists?: boolean;
  },
): void {
  const { schema } = definition;
  const named = stringsOf(node.typeName).at(-1)!;
  const labels = schema.enums[named];
  if (!labels) throw wrong("42704", `type "${named}" does not exist`);
  if (node.oldVal) throw unsupported("ALTER TYPE … RENAME VALUE");
  if (labels.includes(node.newVal!)) {
    if (node.skipIfNewValExists) return;
    throw wrong("42710", `enum label "${node.newVal}" already exists`);
  }
  const at =
    node.newValNeighbor === undefined
      ? labels.length
      : labels.indexOf(node.newValNeighbor) + (node.newValIsAfter ? 1 : 0);
  labels.splice(at, 0, node.newVal!);
  for (const table of Object.values(schema.tables)) {
    const columns = table.columns.filter(({ type }) => type.labels && type.name === named);
    if (columns.length === 0) continue;
    for (const column of columns) column.type = { ...column.type, labels: [...labels] };
    definition.statements.push(...rebuildTable(schema, table.name, table, asItIs(table)));
  }
}

function defineDomain(definition: Definition, node: CreateDomainStmt): void {
  const named = stringsOf(node.domainname).at(-1)!;
  const { schema } = definition;
  if (schema.enums[named] || schema.domains[named]) throw wrong("42710", `type "${named}" already exists`);
  const type = readType(schema, node.typeName!);
  const domain: (typeof schema.domains)[string] = { type, notNull: false, checks: [] };
  const scope = {
    ...newScope(),
    relations: [{ alias: "domain", columns: [{ name: "value", type, sql: '"value"', notNull: false }] }],
  };
  for (const part of node.constraints ?? []) {
    const constraint = "Constraint" in part ? part.Constraint : {};
    if (constraint.contype === "CONSTR_NOTNULL") domain.notNull = true;
    else if (constraint.contype === "CONSTR_DEFAULT")
      domain.default = defaultSql(definition, constraint.raw_expr!, type, named);
    else if (constraint.contype === "CONSTR_CHECK") {
      assertPlain(constraint.raw_expr!);
      domain.checks.push({
        name: constraint.conname ?? `${named}_check`,
        sql: condition(schemaTranslation(definition), scope, constraint.raw_expr!),
      });
    } else if (constraint.contype !== "CONSTR_NULL")
      throw unsupported("This constraint of a domain", constraint);
  }
  schema.domains[named] = domain;
}
