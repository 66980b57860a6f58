import type {
  CatalogObject,
  ConstraintObject,
  DomainType,
  IndexObject,
  PolicyObject,
  RoutineObject,
  SequenceObject,
  TableObject,
  TriggerObject,
  ViewObject,
} from "../catalog/catalog.ts";
import { id, reference, text } from "./quote.ts";
import { columnStatistics, indexStatistics, jointStatistics } from "./statistics.ts";
import { columnDefinition, createTable, sequenceOptions } from "./table.ts";

/** Statements that make a thing as it is, with its comment. */
export function emitObject(object: CatalogObject): string[] {
  switch (object.kind) {
    case "schema":
      return [`create schema ${id(object.name)}`, ...comment("schema", id(object.name), object.comment)];
    case "enum":
      return [
        `create type ${reference(object)} as enum (${object.labels.map(text).join(", ")})`,
        ...typeComment(object),
      ];
    case "composite": {
      const attributes = object.attributes.map(
        ({ name, type, collation }) => `${id(name)} ${type}${collation ? ` collate ${collation}` : ""}`,
      );
      return [`create type ${reference(object)} as (${attributes.join(", ")})`, ...typeComment(object)];
    }
    case "range":
      return [
        `create type ${reference(object)} as range (${object.options.join(", ")})`,
        ...typeComment(object),
      ];
    case "domain":
      return [createDomain(object), ...comment("domain", reference(object), object.comment)];
    case "sequence":
      return [createSequence(object), ...comment("sequence", reference(object), object.comment)];
    case "table":
      return [
        createTable(object, object.columns.filter(({ local }) => local).map(columnDefinition)),
        ...tableProperties(object),
        ...rowSecurity(object),
      ];
    case "default":
      return [
        `alter table only ${reference(object.table)} alter column ${id(object.column)} set default ${object.expression}`,
      ];
    case "constraint":
      return addConstraint(object, object.definition);
    case "index":
      return createIndex(object);
    case "view":
    case "materialized-view":
      return createView(object, object.options);
    case "function":
    case "procedure":
      return createRoutine(object);
    case "trigger":
      return createTrigger(object);
    case "policy":
      return [createPolicy(object)];
    case "statistics":
      return [
        `create statistics ${reference(object)} ${object.definition}`,
        ...jointStatistics(object),
        ...comment("statistics", reference(object), object.comment),
      ];
  }
}

export function comment(kind: string, name: string, words: string | undefined): string[] {
  return words === undefined ? [] : [`comment on ${kind} ${name} is ${text(words)}`];
}

const typeComment = (object: { schema: string | undefined; name: string; comment: string | undefined }) =>
  comment("type", reference(object), object.comment);

function createDomain(domain: DomainType): string {
  const parts = [`create domain ${reference(domain)} as ${domain.baseType}`];
  if (domain.collation) parts.push(`collate ${domain.collation}`);
  if (domain.default !== undefined) parts.push(`default ${domain.default}`);
  if (domain.notNull) parts.push("not null");
  for (const check of domain.checks) parts.push(`constraint ${id(check.name)} ${check.definition}`);
  return parts.join(" ");
}

function createSequence(sequence: SequenceObject): string {
  const owner = sequence.ownedBy
    ? ` owned by ${reference(sequence.ownedBy.table)}.${id(sequence.ownedBy.column)}`
    : "";
  return `create sequence ${reference(sequence)} as ${sequence.dataType} ${sequenceOptions(sequence)}${owner}`;
}

/** What is said of a table beside its columns. */
export function tableProperties(table: TableObject): string[] {
  const name = reference(table);
  const statements = comment("table", name, table.comment);
  for (const column of table.columns) {
    statements.push(...columnStatistics(table, column));
    statements.push(...comment("column", `${name}.${id(column.name)}`, column.comment));
  }
  if (table.replicaIdentity) statements.push(`alter table ${name} replica identity ${table.replicaIdentity}`);
  return statements;
}

function rowSecurity(table: TableObject): string[] {
  if (table.rowSecurity === "off") return [];
  const forced = table.rowSecurity === "forced" ? ", force row level security" : "";
  return [`alter table ${reference(table)} enable row level security${forced}`];
}

export function addConstraint(constraint: ConstraintObject, definition: string): string[] {
  const table = reference(constraint.table);
  return [
    `alter table ${table} add constraint ${id(constraint.name)} ${definition}`,
    ...comment("constraint", `${id(constraint.name)} on ${table}`, constraint.comment),
  ];
}

function createIndex(index: IndexObject): string[] {
  return [
    `create ${index.unique ? "unique " : ""}index ${id(index.name)} on ${reference(index.table)} using ${index.definition}`,
    ...indexStatistics(index),
    ...comment("index", reference(index), index.comment),
  ];
}

export function createView(view: ViewObject, options: readonly string[]): string[] {
  const kind = view.kind === "view" ? "view" : "materialized view";
  const given = options.length > 0 ? ` with (${options.join(", ")})` : "";
  const empty = view.kind === "view" ? "" : " with no data";
  return [
    `create ${kind} ${reference(view)}${given} as ${view.definition}${empty}`,
    ...comment(kind, reference(view), view.comment),
  ];
}

export function createRoutine(routine: RoutineObject): string[] {
  const name = reference(routine);
  const settings = routine.settings.map((setting) => ` set ${settingClause(setting)}`);
  const body = routine.body === undefined ? "" : ` as ${text(routine.body)}`;
  // A body in the SQL standard's form is part of the header, and comes last.
  const definition = `create or replace ${routine.kind} ${name}${withSettings(routine.header, settings)}${body}`;
  return [definition, ...comment(routine.kind, `${name}(${routine.arguments})`, routine.comment)];
}

function withSettings(header: string, settings: readonly string[]): string {
  if (settings.length === 0) return header;
  const [signature, ...rest] = header.split("\n");
  const body = rest.findIndex((line) => /^(BEGIN ATOMIC|RETURN )/.test(line));
  const at = body === -1 ? rest.length : body;
  return [signature, ...rest.slice(0, at), ...settings, ...rest.slice(at)].join("\n");
}

/** Lists of names are kept with their quotes; everything else is a plain value. */
function settingClause(setting: string): string {
  const at = setting.indexOf("=");
  const [name, value] = [setting.slice(0, at), setting.slice(at + 1)];
  const isList = /^(search_path|temp_tablespaces|session_preload_libraries|local_preload_libraries)$/i.test(
    name,
  );
  return `${name} to ${isList ? value || "''" : text(value)}`;
}

const triggerStates: { [state: string]: string } = { D: "disable", R: "enable replica", A: "enable always" };

function createTrigger(trigger: TriggerObject): string[] {
  const table = reference(trigger.table);
  const state = triggerStates[trigger.enabled];
  return [
    trigger.definition,
    ...(state ? [`alter table ${table} ${state} trigger ${id(trigger.name)}`] : []),
    ...comment("trigger", `${id(trigger.name)} on ${table}`, trigger.comment),
  ];
}

export function createPolicy(policy: PolicyObject): string {
  const parts = [
    `create policy ${id(policy.name)} on ${reference(policy.table)} as ${policy.permissive ? "permissive" : "restrictive"}`,
    `for ${policy.command.toLowerCase()}`,
  ];
  if (policy.using !== undefined) parts.push(`using (${policy.using})`);
  if (policy.check !== undefined) parts.push(`with check (${policy.check})`);
  return parts.join(" ");
}
