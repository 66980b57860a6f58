import pg from "pg";
import type { SqliteValue } from "../engine/protocol.ts";
import { readInterval } from "./intervals.ts";
import { wrong } from "./refusal.ts";
import { readDate, readTime, readTimestamp } from "./times.ts";
import { displayName, elementOf, type PgType } from "./types.ts";

const integerRanges: Record<string, [bigint, bigint]> = {
  int2: [-32_768n, 32_767n],
  int4: [-2_147_483_648n, 2_147_483_647n],
  int8: [-9_223_372_036_854_775_808n, 9_223_372_036_854_775_807n],
};

const { prepareValue } = (pg as unknown as { utils?: { prepareValue(value: unknown): unknown } }).utils ?? {};

/** A value of JavaScript's as SQLite takes it for a type, by the way PostgreSQL takes it: as pg sends it, then read. */
export function encode(value: unknown, type: PgType): SqliteValue {
  if (value === null || value === undefined) return null;
  if (type.array) return encodeArray(value, type);
  if (type.name === "bytea") return encodeBytes(value);
  if (isJsonType(type)) return encodeJson(value, type);
  const sent = asSent(value);
  if (typeof sent !== "string") return sent;
  return readText(sent, type);
}

function isJsonType(type: PgType): boolean {
  return type.name === "json" || type.name === "jsonb";
}

function asSent(value: unknown): string | Uint8Array {
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return value;
  const sent = prepareValue ? prepareValue(value) : String(value);
  if (sent instanceof Uint8Array) return sent;
  return String(sent);
}

/** A value that is written as a text, in the form in which the type is held. */
export function readText(given: string, type: PgType): SqliteValue {
  if (type.array) return encodeArray(given, type);
  if (type.labels) {
    if (type.labels.includes(given)) return given;
    throw wrong("22P02", `invalid input value for enum ${type.name}: "${given}"`);
  }
  switch (type.name) {
    case "int2":
    case "int4":
    case "int8":
      return readInteger(given, type);
    case "float4":
    case "float8":
      return readNumber(given, type);
    case "numeric":
      return readNumeric(given, type);
    case "bool":
      return readBoolean(given);
    case "uuid":
      return readUuid(given);
    case "timestamptz":
      return readTimestamp(given, true);
    case "timestamp":
      return readTimestamp(given, false);
    case "date":
      return readDate(given);
    case "time":
      return readTime(given);
    case "json":
    case "jsonb":
      return encodeJson(given, type);
    case "bytea":
      return encodeBytes(given);
    case "interval":
      return readSeconds(given);
    case "varchar":
      return fitting(given, type);
    case "bpchar":
      return fitting(given.replace(/ +$/, ""), type).padEnd(type.precision ?? 1);
    default:
      if (given.includes("\0")) throw wrong("22021", 'invalid byte sequence for encoding "UTF8": 0x00');
      return given;
  }
}

function fitting(given: string, { name, precision }: PgType): string {
  if (given.includes("\0")) throw wrong("22021", 'invalid byte sequence for encoding "UTF8": 0x00');
  if (precision === undefined || [...given].length <= precision) return given;
  const cut = [...given];
  if (cut.slice(precision).every((character) => character === " ")) return cut.slice(0, precision).join("");
  throw wrong("22001", `value too long for type ${displayName({ name })}(${precision})`);
}

function readInteger(given: string, type: PgType): bigint {
  const plain = given.trim();
  if (!/^[+-]?\d+$/.test(plain)) throw invalid(given, type);
  const value = BigInt(plain.replace(/^\+/, ""));
  const [least, most] = integerRanges[type.name]!;
  if (value >= least && value <= most) return value;
  throw wrong("22003", `value "${given}" is out of range for type ${displayName(type)}`);
}

function readNumber(given: string, type: PgType): number {
  const plain = given.trim();
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain)) return Number(plain);
  throw invalid(given, type);
}

function readNumeric(given: string, type: PgType): number | bigint {
  const value = readNumber(given, type);
  if (type.precision === undefined) return /^\s*[+-]?\d{1,18}\s*$/.test(given) ? BigInt(given.trim()) : value;
  const rounded = Number(value.toFixed(type.scale));
  if (Math.abs(rounded) >= 10 ** (type.precision - type.scale!))
    throw wrong("22003", "numeric field overflow");
  return rounded;
}

function readBoolean(given: string): bigint {
  const plain = given.trim().toLowerCase();
  if (plain !== "" && plain !== "o") {
    if (["true", "yes", "on", "1"].some((word) => word.startsWith(plain))) return 1n;
    if (["false", "no", "off", "0"].some((word) => word.startsWith(plain))) return 0n;
  }
  throw invalid(given, { name: "bool" });
}

/** Of an interval its seconds: months have no length until they are added to a date. */
function readSeconds(given: string): number {
  const { months, seconds } = readInterval(given);
  if (months === 0) return seconds;
  throw wrong("0A000", "Months and years in a parameter aren't known at the level sqlite: write them out.");
}

function readUuid(given: string): string {
  const digits = given
    .trim()
    .replace(/^\{(.*)\}$/, "$1")
    .replaceAll("-", "")
    .toLowerCase();
  if (!/^[0-9a-f]{32}$/.test(digits)) throw invalid(given, { name: "uuid" });
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function encodeBytes(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  const given = String(value);
  if (/^\\x(?:[0-9a-f]{2})*$/i.test(given)) return Buffer.from(given.slice(2), "hex");
  if (/^[^\\\0]*$/.test(given)) return Buffer.from(given);
  throw invalid(given, { name: "bytea" });
}

function encodeJson(value: unknown, type: PgType): string {
  const given = typeof value === "string" ? value : String(asSent(value));
  let read: unknown;
  try {
    read = type.name === "jsonb" ? JSON.parse(given, asWritten as Reviver) : JSON.parse(given);
  } catch {
    throw wrong("22P02", `invalid input syntax for type ${type.name}`);
  }
  return type.name === "jsonb" ? writeJsonb(read) : given;
}

type Reviver = (key: string, value: unknown) => unknown;

/** A number's digits: JavaScript would lose some. */
type Digits = { digits: string };
const isDigits = (value: object): value is Digits => Object.getPrototypeOf(value) === digitsOnly;
const digitsOnly = Object.freeze({});

function asWritten(_key: string, value: unknown, { source = "" }: { source?: string } = {}): unknown {
  if (typeof value !== "number" || /e/i.test(source)) return value;
  return Object.assign(Object.create(digitsOnly), { digits: source === "-0" ? "0" : source });
}

/** As PostgreSQL writes jsonb: shorter keys first, then by their bytes. */
function writeJsonb(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(writeJsonb).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (isDigits(value)) return value.digits;
  const entries = Object.entries(value).map(([key, inner]) => ({ key, bytes: Buffer.from(key), inner }));
  entries.sort((left, right) => left.bytes.length - right.bytes.length || left.bytes.compare(right.bytes));
  return `{${entries.map(({ key, inner }) => `${JSON.stringify(key)}: ${writeJsonb(inner)}`).join(", ")}}`;
}

/** Arrays are held as JSON, of values as they are held by themselves. */
function encodeArray(value: unknown, type: PgType): string {
  const element = elementOf(type);
  const items = Array.isArray(value) ? value : readArray(String(value), type);
  const held = items.map((item: unknown) => {
    if (Array.isArray(item)) throw wrong("0A000", "Arrays of arrays aren't known at the level sqlite.");
    const value = encode(item, element);
    if (value instanceof Uint8Array)
      throw wrong("0A000", "Arrays of bytea aren't known at the level sqlite.");
    if (typeof value === "bigint") return String(value);
    return Object.is(value, -0) ? "-0.0" : JSON.stringify(value);
  });
  return `[${held.join(",")}]`;
}

const textArrayOid = 1009;

function readArray(given: string, type: PgType): unknown[] {
  if (!/^\{[\s\S]*\}$/.test(given.trim())) throw wrong("22P02", `malformed array literal: "${given}"`);
  const read = pg.types.getTypeParser(textArrayOid as never, "text") as unknown as (
    value: string,
  ) => unknown[];
  try {
    return read(given.trim());
  } catch {
    throw invalid(given, type);
  }
}

function invalid(given: string, type: PgType): Error {
  return wrong("22P02", `invalid input syntax for type ${displayName(type)}: "${given}"`);
}
