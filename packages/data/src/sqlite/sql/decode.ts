import pg from "pg";
import type { RowForm } from "../../wire/piped-query.ts";
import type { SqliteValue } from "../engine/protocol.ts";
import { shownTime } from "./times.ts";
import { elementOf, oidOf, type PgType } from "./types.ts";

export type Decoder = (held: SqliteValue) => unknown;

/** Reads what SQLite gives as pg would read what PostgreSQL gives: through the same parsers of types. */
export function decoderOf(type: PgType, types: RowForm["types"]): Decoder {
  const oid = oidOf(type);
  const parse = (types ?? pg.types).getTypeParser(oid, "text") as (text: string) => unknown;
  const isDefault = !types || parse === (pg.types.getTypeParser(oid, "text") as unknown);
  if (isDefault && !type.array && (type.name === "int4" || type.name === "int2")) {
    return (held) => (held === null ? null : Number(held));
  }
  if (isDefault && !type.array && type.name === "bool") return (held) => (held === null ? null : held !== 0n);
  return (held) => (held === null ? null : parse(shown(held, type)));
}

/** A value as PostgreSQL writes it. */
export function shown(held: Exclude<SqliteValue, null>, type: PgType): string {
  if (type.array) return shownArray(String(held), type);
  switch (type.name) {
    case "bool":
      return held === 0n ? "f" : "t";
    case "numeric":
      return shownNumeric(held, type);
    case "bytea":
      return `\\x${Buffer.from(held as Uint8Array).toString("hex")}`;
    case "timestamptz":
    case "timestamp":
    case "time":
      return shownTime(String(held));
    default:
      return held instanceof Uint8Array ? Buffer.from(held).toString("utf8") : shownPlain(held);
  }
}

function shownPlain(held: string | number | bigint): string {
  return typeof held === "number" && Object.is(held, -0) ? "-0" : String(held);
}

function shownNumeric(held: Exclude<SqliteValue, null>, { scale }: PgType): string {
  if (scale === undefined) return typeof held === "number" ? plainDecimal(held) : String(held);
  if (typeof held === "bigint") return scale > 0 ? `${held}.${"0".repeat(scale)}` : String(held);
  return Number(held).toFixed(scale);
}

// Of a number without a declared scale the digits that are certain.
function plainDecimal(held: number): string {
  const short = String(Number(held.toPrecision(15)));
  return short.includes("e") ? held.toFixed(20).replace(/\.?0+$/, "") : short;
}

// Numbers as they are written: JavaScript's would lose digits.
function shownArray(held: string, type: PgType): string {
  const element = elementOf(type);
  const digits = (_key: string, value: unknown, context?: { source: string }) =>
    typeof value === "number" ? exactNumber(context!.source) : value;
  const items = (JSON.parse(held, digits as (key: string, value: unknown) => unknown) as unknown[]).map(
    (item) => {
      if (item === null) return "NULL";
      const value =
        typeof item === "boolean" ? BigInt(item) : typeof item === "object" ? JSON.stringify(item) : item;
      return `"${shown(value as string | number | bigint, element).replace(/[\\"]/g, "\\$&")}"`;
    },
  );
  return `{${items.join(",")}}`;
}

function exactNumber(source: string): bigint | number {
  return /^-?\d+$/.test(source) ? BigInt(source) : Number(source);
}
