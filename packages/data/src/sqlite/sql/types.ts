import type { TypeName } from "@pgsql/types";
import type { Schema } from "./model.ts";
import type { PgType } from "./pg-type.ts";
import { unsupported, wrong } from "./refusal.ts";

export type { PgType } from "./pg-type.ts";

type Known = { oid: number; arrayOid: number; category: string };

const known: Record<string, Known> = {
  bool: { oid: 16, arrayOid: 1000, category: "boolean" },
  int2: { oid: 21, arrayOid: 1005, category: "number" },
  int4: { oid: 23, arrayOid: 1007, category: "number" },
  int8: { oid: 20, arrayOid: 1016, category: "number" },
  float4: { oid: 700, arrayOid: 1021, category: "number" },
  float8: { oid: 701, arrayOid: 1022, category: "number" },
  numeric: { oid: 1700, arrayOid: 1231, category: "number" },
  text: { oid: 25, arrayOid: 1009, category: "text" },
  varchar: { oid: 1043, arrayOid: 1015, category: "text" },
  bpchar: { oid: 1042, arrayOid: 1014, category: "text" },
  name: { oid: 19, arrayOid: 1003, category: "text" },
  unknown: { oid: 25, arrayOid: 1009, category: "text" },
  uuid: { oid: 2950, arrayOid: 2951, category: "uuid" },
  timestamptz: { oid: 1184, arrayOid: 1185, category: "time" },
  timestamp: { oid: 1114, arrayOid: 1115, category: "time" },
  date: { oid: 1082, arrayOid: 1182, category: "time" },
  time: { oid: 1083, arrayOid: 1183, category: "clock" },
  json: { oid: 114, arrayOid: 199, category: "json" },
  jsonb: { oid: 3802, arrayOid: 3807, category: "json" },
  bytea: { oid: 17, arrayOid: 1001, category: "bytes" },
  interval: { oid: 1186, arrayOid: 1187, category: "interval" },
};

export const text: PgType = { name: "text" };
export const unknown: PgType = { name: "unknown" };
export const bool: PgType = { name: "bool" };
export const int4: PgType = { name: "int4" };
export const int8: PgType = { name: "int8" };
export const float8: PgType = { name: "float8" };
export const numeric: PgType = { name: "numeric" };
export const jsonb: PgType = { name: "jsonb" };
export const json: PgType = { name: "json" };
export const timestamptz: PgType = { name: "timestamptz" };
export const timestamp: PgType = { name: "timestamp" };
export const date: PgType = { name: "date" };
export const uuid: PgType = { name: "uuid" };

export function arrayOf(type: PgType): PgType {
  return { ...type, array: true };
}

export function elementOf({ array: _array, ...type }: PgType): PgType {
  return type;
}

export function oidOf(type: PgType): number {
  // PostgreSQL's number for it is its database's own: whoever reads it knows no more than that it is a text.
  if (type.labels) return known.text!.oid;
  const entry = known[type.name] ?? known.text!;
  return type.array ? entry.arrayOid : entry.oid;
}

/** Types of one category can be compared with each other. */
export function categoryOf(type: PgType): string {
  if (type.array) return "array";
  return type.labels ? `enum ${type.name}` : (known[type.name]?.category ?? type.name);
}

export const isNumber = (type: PgType): boolean => categoryOf(type) === "number";
export const isInteger = (type: PgType): boolean => !type.array && /^int[248]$/.test(type.name);
export const isText = (type: PgType): boolean => categoryOf(type) === "text";
export const isTime = (type: PgType): boolean => categoryOf(type) === "time";
export const isJson = (type: PgType): boolean => categoryOf(type) === "json";

/** The name as it is written in a declaration and in messages. */
export function displayName(type: PgType): string {
  const names: Record<string, string> = {
    int2: "smallint",
    int4: "integer",
    int8: "bigint",
    float4: "real",
    float8: "double precision",
    bool: "boolean",
    timestamptz: "timestamp with time zone",
    timestamp: "timestamp without time zone",
    varchar: "character varying",
    bpchar: "character",
  };
  return `${names[type.name] ?? type.name}${type.array ? "[]" : ""}`;
}

/** The most digits that a REAL holds without loss. */
const exactDigits = 15;

/** Reads a type's name. Throws where the level can't hold it. */
export function readType(schema: Schema, given: TypeName): PgType {
  const names = (given.names ?? []).map((part) => ("String" in part ? (part.String.sval ?? "") : ""));
  const name = names.at(-1) ?? "";
  if (names.length > 1 && names[0] !== "pg_catalog" && names[0] !== "public")
    throw unsupported(`The type ${names.join(".")}`, given);
  const modifiers = (given.typmods ?? []).map((part) =>
    "A_Const" in part ? (part.A_Const.ival?.ival ?? 0) : 0,
  );
  const array = (given.arrayBounds ?? []).length > 0;
  if (given.setof) throw unsupported("SETOF", given);
  const type = baseType(schema, name, modifiers, given);
  return array ? arrayOf(type) : type;
}

function baseType(schema: Schema, name: string, modifiers: number[], given: TypeName): PgType {
  const domain = schema.domains[name];
  if (domain) return domain.type;
  const labels = schema.enums[name];
  if (labels) return { name, labels };
  if (name === "numeric")
    return modifiers.length > 0 ? { name, precision: modifiers[0]!, scale: modifiers[1] ?? 0 } : { name };
  if (name === "varchar" || name === "bpchar") {
    // `char` alone is one character long, and `varchar` alone as long as you like.
    return modifiers[0] === undefined
      ? { name: name === "bpchar" ? "text" : name }
      : { name, precision: modifiers[0] };
  }
  if (name === "citext")
    throw unsupported("The type citext", given, "Use text and lower() in an index and in queries.");
  if (!known[name] || name === "unknown") {
    if (/^(serial|bigserial|smallserial)$/.test(name))
      return { name: name === "serial" ? "int4" : name === "bigserial" ? "int8" : "int2" };
    if (isPostgresType.has(name)) throw unsupported(`The type ${name}`, given);
    throw wrong("42704", `type "${name}" does not exist`, given);
  }
  return { name };
}

const isPostgresType = new Set([
  "money",
  "inet",
  "cidr",
  "macaddr",
  "macaddr8",
  "point",
  "line",
  "lseg",
  "box",
  "path",
  "polygon",
  "circle",
  "tsvector",
  "tsquery",
  "xml",
  "bit",
  "varbit",
  "int4range",
  "int8range",
  "numrange",
  "tsrange",
  "tstzrange",
  "daterange",
  "oid",
  "regclass",
  "regtype",
  "timetz",
  "hstore",
  "ltree",
  "vector",
  "char",
  "record",
  "void",
  "jsonpath",
  "citext",
]);

/** Throws where a column of this type couldn't give back what was put in. */
export function assertHeld(type: PgType, node: { location?: number | undefined }): void {
  if (type.name === "interval")
    throw unsupported("A column of type interval", node, "Keep a number of seconds.");
  if (type.name === "bpchar") {
    throw unsupported("char, whose blanks count only sometimes,", node, "Use varchar(n) or text.");
  }
  if (type.name !== "numeric") return;
  if (type.precision === undefined) {
    throw unsupported(
      "numeric without digits",
      node,
      `Say how many: numeric(12, 2); up to ${exactDigits} digits are held without loss.`,
    );
  }
  if (type.precision > exactDigits) {
    throw unsupported(
      `numeric with ${type.precision} digits`,
      node,
      `Up to ${exactDigits} digits are held without loss.`,
    );
  }
}
