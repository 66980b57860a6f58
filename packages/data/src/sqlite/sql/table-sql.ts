import type { Column, ForeignKey, Schema, Table } from "./model.ts";
import { guardName, name, string } from "./quote.ts";
import { displayName, type PgType } from "./types.ts";

/**
 * The type as it is declared. SQLite takes from the name what it makes of values (its "affinity"); what would mislead it
 * gets a word more.
 */
function declaredType(type: PgType): string {
  if (type.array || type.labels) return "text";
  const size =
    type.precision === undefined
      ? ""
      : `(${[type.precision, type.scale].filter((part) => part !== undefined).join(", ")})`;
  switch (type.name) {
    case "json":
    case "jsonb":
      return `${type.name} text`;
    case "bpchar":
      return `character${size}`;
    // As "integer" a key would be SQLite's row number, and count by itself.
    case "int4":
      return "int";
    case "timestamptz":
    case "timestamp":
      return type.name;
    default:
      return displayName({ name: type.name }) + size;
  }
}

type Guard = [code: string, condition: string];

const widths: Record<string, number> = { uuid: 36, timestamptz: 29, timestamp: 26, date: 10, time: 15 };
const ranges: Record<string, string> = {
  int2: "between -32768 and 32767",
  int4: "between -2147483648 and 2147483647",
};

/** What a value of the type must be, however it comes; each with the SQLSTATE of what isn't. */
function guardsOf({ name: column, type }: Column): Guard[] {
  const c = name(column);
  const kind = (...kinds: string[]): Guard => [
    "22P02",
    `typeof(${c}) in (${[...kinds, "null"].map(string).join(", ")})`,
  ];
  if (type.array) return [["22P02", `json_type(${c}) = 'array'`]];
  if (type.labels) return [["22P02", `${c} in (${type.labels.map(string).join(", ")})`]];
  if (widths[type.name]) {
    return [
      [
        type.name === "uuid" ? "22P02" : "22007",
        `typeof(${c}) in ('text', 'null') and length(${c}) = ${widths[type.name]}`,
      ],
    ];
  }
  switch (type.name) {
    case "int2":
    case "int4":
      return [kind("integer"), ["22003", `${c} ${ranges[type.name]}`]];
    case "int8":
      return [kind("integer")];
    case "bool":
      return [["22P02", `${c} in (0, 1)`]];
    case "float4":
    case "float8":
      return [kind("real")];
    case "numeric":
      return [kind("integer", "real"), ["22003", `abs(${c}) < 1e${type.precision! - type.scale!}`]];
    case "bytea":
      return [kind("blob")];
    case "json":
    case "jsonb":
      return [["22P02", `json_valid(${c})`]];
    default:
      return type.precision === undefined
        ? [kind("text")]
        : [kind("text"), ["22001", `length(${c}) <= ${type.precision}`]];
  }
}

/** CREATE TABLE for a table, under its name or another. */
export function createTable(table: Table, as = table.name): string {
  const { primaryKey } = table;
  const parts = table.columns.map((column) => columnSql(table, column));
  const counted = table.columns.some(({ identity }) => identity);
  if (primaryKey && !counted)
    parts.push(`constraint ${name(primaryKey.name)} primary key (${list(primaryKey.columns)})`);
  for (const key of table.uniques) parts.push(`constraint ${name(key.name)} unique (${list(key.columns)})`);
  for (const check of table.checks) parts.push(`constraint ${name(check.name)} check (${check.sql})`);
  for (const key of table.foreignKeys) parts.push(foreignKeySql(key));
  return `create table ${name(as)} (\n  ${parts.join(",\n  ")}\n)`;
}

const list = (columns: readonly string[]): string => columns.map(name).join(", ");

function columnSql(table: Table, column: Column): string {
  if (column.identity) {
    const { primaryKey } = table;
    return `${name(column.name)} integer constraint ${name(primaryKey!.name)} primary key autoincrement`;
  }
  const parts = [name(column.name), declaredType(column.type)];
  if (column.notNull) parts.push("not null");
  if (column.generated !== undefined) parts.push(`generated always as (${column.generated}) stored`);
  else if (column.default !== undefined) parts.push(`default (${column.default})`);
  for (const [code, condition] of guardsOf(column))
    parts.push(`constraint ${guardName(code, column.name)} check (${condition})`);
  return parts.join(" ");
}

function foreignKeySql(key: ForeignKey): string {
  const when = {
    no: "",
    immediate: " deferrable initially immediate",
    deferred: " deferrable initially deferred",
  }[key.deferrable];
  return `constraint ${name(key.name)} foreign key (${list(key.columns)}) references ${name(key.table)} (${list(key.references)}) on delete ${key.onDelete} on update ${key.onUpdate}${when}`;
}

const building = "tenantry_new";

/**
 * A table as it shall be, in place of the one that is: SQLite changes little of a table. `copied` says from which
 * expression of the old one each column is taken; the others have their default.
 */
export function rebuildTable(
  schema: Schema,
  oldName: string,
  table: Table,
  copied: ReadonlyMap<string, string>,
): string[] {
  const columns = table.columns.filter((column) => copied.has(column.name) && column.generated === undefined);
  const [from, to] = [name(oldName), name(building)];
  const counters = table.columns.some(({ identity }) => identity)
    ? [
        `insert into sqlite_sequence (name, seq) select ${string(building)}, 0 where not exists (select 1 from sqlite_sequence where name = ${string(building)})`,
        `update sqlite_sequence set seq = max(seq, coalesce((select seq from sqlite_sequence where name = ${string(oldName)}), 0)) where name = ${string(building)}`,
      ]
    : [];
  return [
    createTable(table, building),
    columns.length > 0
      ? `insert into ${to} (${columns.map((column) => name(column.name)).join(", ")}) select ${columns.map((column) => copied.get(column.name)).join(", ")} from ${from}`
      : `insert into ${to} default values`,
    ...counters,
    `drop table ${from}`,
    `alter table ${to} rename to ${name(table.name)}`,
    ...Object.values(schema.indexes)
      .filter((index) => index.table === table.name)
      .map((index) => index.sql),
  ];
}
