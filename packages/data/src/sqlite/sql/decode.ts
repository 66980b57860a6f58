import pg from "pg";
import type { RowForm } from "../../wire/rows.ts";
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
    case "float4":
      return shownFloat(Math.fround(Number(held)), 6);
    case "float8":
      return shownFloat(Number(held), 15);
    default:
      return held instanceof Uint8Array ? Buffer.from(held).toString("utf8") : shownPlain(held);
  }
}

function shownPlain(held: string | number | bigint): string {
  return typeof held === "number" && Object.is(held, -0) ? "-0" : String(held);
}

/** The fewest digits that mean the number, with an exponent where PostgreSQL writes one. */
function shownFloat(held: number, digits: 6 | 15): string {
  if (Object.is(held, -0)) return "-0";
  if (!Number.isFinite(held)) return String(held);
  const short = digits === 15 ? held.toExponential() : shortest(held);
  const [mantissa = "", exponent = "0"] = short.split("e");
  const power = Number(exponent);
  if (power >= -4 && power < digits) return plainDigits(mantissa, power);
  return `${mantissa}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

/** Of a number with single precision. */
function shortest(held: number): string {
  for (let behind = 0; ; behind += 1) {
    const short = held.toExponential(behind);
    if (behind === 8 || Math.fround(Number(short)) === held) return short;
  }
}

function plainDigits(mantissa: string, power: number): string {
  const sign = mantissa.startsWith("-") ? "-" : "";
  const digits = mantissa.replace(/[-.]/g, "");
  if (power < 0) return `${sign}0.${"0".repeat(-power - 1)}${digits}`;
  const whole = digits.padEnd(power + 1, "0");
  const rest = whole.slice(power + 1);
  return `${sign}${whole.slice(0, power + 1)}${rest && `.${rest}`}`;
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
      return quotedItem(shown(value as string | number | bigint, element));
    },
  );
  return `{${items.join(",")}}`;
}

/** In quotes where it wouldn't be read as it is without. */
function quotedItem(item: string): string {
  const plain = item !== "" && !/[\s{},"\\]/.test(item) && item.toUpperCase() !== "NULL";
  return plain ? item : `"${item.replace(/[\\"]/g, "\\$&")}"`;
}

function exactNumber(source: string): bigint | number {
  return /^-?\d+$/.test(source) ? BigInt(source) : Number(source);
}
