import type { SqliteValue } from "../engine/protocol.ts";
import { interval } from "./intervals.ts";
import { raise, string } from "./quote.ts";
import { unsupported, wrong } from "./refusal.ts";
import type { Typed } from "./translation.ts";
import {
  categoryOf,
  displayName,
  isInteger,
  isJson,
  isNumber,
  isText,
  isTime,
  type PgType,
  text,
} from "./types.ts";
import { readText } from "./values.ts";

/** A value as it is held, written as SQLite's literal. */
export function literal(held: SqliteValue): string {
  if (held === null) return "null";
  if (typeof held === "string") return string(held);
  if (held instanceof Uint8Array) return `x'${Buffer.from(held).toString("hex")}'`;
  if (typeof held === "number")
    return Number.isInteger(held) && Math.abs(held) < 1e15 ? `${held}.0` : String(held);
  return held === -9_223_372_036_854_775_808n ? "(-9223372036854775807 - 1)" : String(held);
}

/** A literal that is written as a text, of the type that its place has. */
export function textLiteral(given: string, type: PgType): Typed {
  return { sql: literal(readText(given, type)), type, notNull: true };
}

const from = (value: Typed, target: PgType): string =>
  `A cast of ${displayName(value.type)} to ${displayName(target)}`;

/** `value::target`. */
export function cast(value: Typed, target: PgType, node: { location?: number | undefined }): Typed {
  if (isSame(value.type, target)) return { ...value, type: target, sql: fitted(value.sql, target) };
  const sql = castSql(value, target);
  if (sql === undefined) throw unsupported(from(value, target), node);
  return { sql, type: target, notNull: value.notNull };
}

function isSame(left: PgType, right: PgType): boolean {
  return left.name === right.name && left.array === right.array;
}

function fitted(sql: string, { name, precision, scale, array }: PgType): string {
  if (array || precision === undefined) return sql;
  if (name === "varchar") return `substr(${sql}, 1, ${precision})`;
  return name === "numeric" ? `round(${sql}, ${scale})` : sql;
}

function castSql(value: Typed, target: PgType): string | undefined {
  const { type, sql } = value;
  if (type.array || target.array) return undefined;
  if (isText(target)) return castToText(value, target);
  if (isNumber(target)) return castToNumber(value, target);
  if (isTime(target)) return isTime(type) ? asTime(value, target) : undefined;
  if (isJson(target)) return isJson(type) || isText(type) ? `json(${sql})` : undefined;
  if (target.name === "time" && isTime(type) && type.name !== "date") return `substr(${sql}, 12, 15)`;
  if (target.name === "bool" && isInteger(type)) return `(${sql} <> 0)`;
  if (target.name === "uuid" && isText(type)) {
    return `case when ${sql} is null then null when length(${sql}) = 36 then lower(${sql}) else ${raise("22P02")} end`;
  }
  if (target.labels && isText(type)) {
    const labels = target.labels.map(string).join(", ");
    return `case when ${sql} is null then null when ${sql} in (${labels}) then ${sql} else ${raise("22P02")} end`;
  }
  return undefined;
}

function castToText(value: Typed, target: PgType): string | undefined {
  const plain = textOf(value);
  return plain === undefined ? undefined : fitted(plain, target);
}

/** A value as PostgreSQL writes it. */
export function textOf({ sql, type }: Typed): string | undefined {
  if (type.array) return undefined;
  if (type.labels || isText(type) || isJson(type)) return sql;
  switch (type.name) {
    case "bool":
      return `case when ${sql} is null then null when ${sql} then 'true' else 'false' end`;
    case "int2":
    case "int4":
    case "int8":
      return `cast(${sql} as text)`;
    case "numeric":
      return type.scale === undefined ? `cast(${sql} as text)` : `printf('%.${type.scale}f', ${sql})`;
    case "float4":
    case "float8":
      return `case when ${sql} = cast(${sql} as integer) then cast(cast(${sql} as integer) as text) else cast(${sql} as text) end`;
    case "timestamptz":
      return `rtrim(rtrim(substr(${sql}, 1, 26), '0'), '.') || '+00'`;
    case "timestamp":
    case "time":
      return `rtrim(rtrim(${sql}, '0'), '.')`;
    case "uuid":
    case "date":
      return sql;
    default:
      return undefined;
  }
}

function castToNumber({ sql, type }: Typed, target: PgType): string | undefined {
  if (isNumber(type)) {
    if (!isInteger(target))
      return fitted(target.name.startsWith("float") ? `cast(${sql} as real)` : sql, target);
    return isInteger(type) ? sql : `cast(round(${sql}) as integer)`;
  }
  if (type.name === "bool" && isInteger(target)) return sql;
  if (isJson(type)) return castJsonToNumber(sql, target);
  if (!isText(type)) return undefined;
  const trimmed = `trim(${sql})`;
  const number = isInteger(target) ? `cast(${trimmed} as integer)` : `cast(${trimmed} as real)`;
  const digits = `ltrim(${trimmed}, '+-')`;
  const refused = isInteger(target)
    ? `${digits} = '' or ${digits} glob '*[^0-9]*'`
    : `${digits} = '' or ${digits} glob '*[^0-9.]*' or ${digits} glob '*.*.*'`;
  return `case when ${sql} is null then null when ${refused} then ${raise("22P02")} else ${fitted(number, target)} end`;
}

function castJsonToNumber(sql: string, target: PgType): string {
  const number = `(${sql} ->> '$')`;
  const whole = isInteger(target) ? `cast(round(${number}) as integer)` : number;
  return `case when json_type(${sql}) in ('integer', 'real') then ${whole} when ${sql} is null then null else ${raise("22023")} end`;
}

/** A point in time in the form of another of their types; all in UTC. */
export function asTime({ sql, type }: Typed, target: PgType): string {
  if (type.name === target.name) return sql;
  if (target.name === "date") return `substr(${sql}, 1, 10)`;
  const zone = target.name === "timestamptz" ? "+00" : "";
  if (type.name === "date") return `(${sql} || ' 00:00:00.000000${zone}')`;
  return zone ? `(${sql} || '+00')` : `substr(${sql}, 1, 26)`;
}

/** A value in the place of a column: what PostgreSQL takes there without being asked to. */
export function assign(
  value: Typed,
  column: PgType,
  columnName: string,
  node: { location?: number | undefined },
): string {
  if (value.sql === "null") return value.sql;
  if (isSame(value.type, column) && column.name !== "numeric") return value.sql;
  const sameKind = categoryOf(value.type) === categoryOf(column);
  const toText = isText(column) && value.type.name !== interval.name && !value.type.array;
  if (!sameKind && !toText && value.type.name !== "unknown") {
    throw wrong(
      "42804",
      `column "${columnName}" is of type ${displayName(column)} but expression is of type ${displayName(value.type)}`,
      node,
    );
  }
  if (value.type.array || (isText(column) && isText(value.type))) return value.sql;
  return cast(value, isText(column) ? text : column, node).sql;
}
