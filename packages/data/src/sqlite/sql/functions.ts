import { argument, asText, type Call, jsonPart, textArguments } from "./arguments.ts";
import { extractTime, interval, truncateTime } from "./intervals.ts";
import { raise } from "./quote.ts";
import { unsupported } from "./refusal.ts";
import { now, type Typed } from "./translation.ts";
import {
  bool,
  displayName,
  float8,
  int4,
  isInteger,
  isNumber,
  isTime,
  json,
  jsonb,
  numeric,
  type PgType,
  text,
  timestamptz,
  uuid,
} from "./types.ts";

/** A function of texts under its name in SQLite. */
const ofTexts =
  (sqliteName: string, type: PgType) =>
  (call: Call): Typed => ({
    sql: `${sqliteName}(${textArguments(call).join(", ")})`,
    type,
  });

const ofNumbers =
  (sqliteName: string, type?: PgType) =>
  (call: Call): Typed => {
    const values = call.given.map((_, index) => argument(call, index, float8));
    return {
      sql: `${sqliteName}(${values.map(({ sql }) => sql).join(", ")})`,
      type: type ?? values[0]!.type,
    };
  };

function round(call: Call): Typed {
  const value = argument(call, 0, numeric);
  if (call.given.length === 1) {
    return {
      sql: `round(${value.sql})`,
      type: value.type.name.startsWith("float") ? value.type : { name: "numeric", precision: 15, scale: 0 },
    };
  }
  const digits = call.given[1]!;
  const scale = "A_Const" in digits ? (digits.A_Const.ival?.ival ?? 0) : undefined;
  if (scale === undefined)
    throw unsupported("round() to a number of digits that isn't written out", call.node);
  return { sql: `round(${value.sql}, ${scale})`, type: { name: "numeric", precision: 15, scale } };
}

function floorOrCeil(sqliteName: string) {
  return (call: Call): Typed => {
    const value = argument(call, 0, numeric);
    return {
      sql: `${sqliteName}(${value.sql})`,
      type: value.type.name.startsWith("float") ? value.type : { name: "numeric", precision: 15, scale: 0 },
    };
  };
}

function substring(call: Call): Typed {
  const [value, ...bounds] = call.given.map((_, index) => argument(call, index, index === 0 ? text : int4));
  if (bounds.some(({ type }) => !isNumber(type))) throw unsupported("substring() by a pattern", call.node);
  return { sql: `substr(${[value, ...bounds].map((part) => part!.sql).join(", ")})`, type: text };
}

function leftOrRight(call: Call, side: "left" | "right"): Typed {
  const value = argument(call, 0, text);
  const count = argument(call, 1, int4);
  const sql =
    side === "left"
      ? `substr(${value.sql}, 1, case when ${count.sql} < 0 then max(length(${value.sql}) + ${count.sql}, 0) else ${count.sql} end)`
      : `case when ${count.sql} = 0 then '' else substr(${value.sql}, case when ${count.sql} > length(${value.sql}) then 1 when ${count.sql} > 0 then -${count.sql} else 1 - ${count.sql} end) end`;
  return { sql, type: text };
}

function concat(call: Call): Typed {
  const parts = call.given.map((_, index) => `coalesce(${asText(argument(call, index, text), call)}, '')`);
  return { sql: `(${parts.join(" || ")})`, type: text, notNull: true };
}

function concatWithSeparator(call: Call): Typed {
  const [separator, ...parts] = textArguments(call);
  const joined = parts.map((part) => `coalesce(${separator} || ${part}, '')`).join(" || ");
  return { sql: `substr(${joined || "''"}, length(${separator}) + 1)`, type: text };
}

/** A name that is written out, as `date_trunc` and `extract` have it. */
function unitOf({ given, node }: Call): string {
  const first = given[0];
  const unit = first && "A_Const" in first ? first.A_Const.sval?.sval : undefined;
  if (unit === undefined) throw unsupported("A unit of time that isn't written out", node);
  return unit.toLowerCase();
}

function timeArgument(call: Call, index: number): Typed {
  const value = argument(call, index, timestamptz);
  if (!isTime(value.type) && value.type.name !== "interval")
    throw unsupported(`A time that is ${displayName(value.type)}`, call.node);
  return value;
}

function buildObject(type: PgType) {
  return (call: Call): Typed => {
    const parts = call.given.map((_, index) =>
      index % 2 === 0
        ? asText(argument(call, index, text), call)
        : jsonPart(argument(call, index, text), call),
    );
    return { sql: `json_object(${parts.join(", ")})`, type, notNull: true };
  };
}

function makeInterval(call: Call): Typed {
  const units: Record<string, number> = { secs: 1, mins: 60, hours: 3_600, days: 86_400, weeks: 604_800 };
  const parts = call.given.map((node) => {
    const named = "NamedArgExpr" in node ? node.NamedArgExpr : undefined;
    const unit = named?.name === undefined ? undefined : units[named.name];
    if (unit === undefined) throw unsupported("make_interval() with months, or without names", call.node);
    return `${call.t.expression(call.scope, named!.arg!, float8).sql} * ${unit}`;
  });
  return { sql: `(${parts.join(" + ") || "0"})`, type: interval };
}

/** What PostgreSQL's functions are in SQLite; what isn't here isn't run. */
export const functions: Record<string, (call: Call) => Typed> = {
  lower: ofTexts("lower", text),
  upper: ofTexts("upper", text),
  trim: ofTexts("trim", text),
  btrim: ofTexts("trim", text),
  ltrim: ofTexts("ltrim", text),
  rtrim: ofTexts("rtrim", text),
  replace: ofTexts("replace", text),
  length: ofTexts("length", int4),
  char_length: ofTexts("length", int4),
  character_length: ofTexts("length", int4),
  strpos: ofTexts("instr", int4),
  position: ofTexts("instr", int4),
  substring: substring,
  substr: substring,
  left: (call) => leftOrRight(call, "left"),
  right: (call) => leftOrRight(call, "right"),
  concat,
  concat_ws: concatWithSeparator,
  octet_length: (call) => ({ sql: `length(cast(${argument(call, 0, text).sql} as blob))`, type: int4 }),
  starts_with: (call) => {
    const [value, start] = textArguments(call);
    return { sql: `(substr(${value}, 1, length(${start})) = ${start})`, type: bool };
  },
  abs: ofNumbers("abs"),
  floor: floorOrCeil("floor"),
  ceil: floorOrCeil("ceil"),
  ceiling: floorOrCeil("ceil"),
  round,
  trunc: floorOrCeil("trunc"),
  mod: (call) => {
    const [left, right] = [argument(call, 0, int4), argument(call, 1, int4)];
    if (!isInteger(left.type) || !isInteger(right.type))
      throw unsupported("mod() of numbers that aren't whole", call.node);
    return {
      sql: `(${left.sql} % case when ${right.sql} = 0 then ${raise("22012")} else ${right.sql} end)`,
      type: left.type,
    };
  },
  sqrt: ofNumbers("sqrt", float8),
  power: ofNumbers("power", float8),
  pow: ofNumbers("power", float8),
  random: () => ({ sql: "(abs(random() % 9007199254740992) / 9007199254740992.0)", type: float8 }),
  now: ({ t }) => ({ sql: now(t, "timestamptz"), type: timestamptz, notNull: true }),
  transaction_timestamp: ({ t }) => ({ sql: now(t, "timestamptz"), type: timestamptz, notNull: true }),
  statement_timestamp: ({ t }) => ({ sql: now(t, "timestamptz"), type: timestamptz, notNull: true }),
  clock_timestamp: () => ({
    sql: "strftime('%Y-%m-%d %H:%M:%f000+00', 'now')",
    type: timestamptz,
    notNull: true,
  }),
  date_trunc: (call) => truncateTime(unitOf(call), timeArgument(call, 1)),
  extract: (call) => extractTime(unitOf(call), timeArgument(call, 1)),
  date_part: (call) => ({ ...extractTime(unitOf(call), timeArgument(call, 1)), type: float8 }),
  make_interval: makeInterval,
  to_timestamp: (call) => ({
    sql: `strftime('%Y-%m-%d %H:%M:%f000+00', ${argument(call, 0, float8).sql}, 'unixepoch')`,
    type: timestamptz,
  }),
  gen_random_uuid: () => ({ sql: randomUuid, type: uuid, notNull: true }),
  uuid_generate_v4: () => ({ sql: randomUuid, type: uuid, notNull: true }),
  json_build_object: buildObject(json),
  jsonb_build_object: buildObject(jsonb),
  json_build_array: (call) => ({ sql: `json_array(${jsonParts(call)})`, type: json, notNull: true }),
  jsonb_build_array: (call) => ({ sql: `json_array(${jsonParts(call)})`, type: jsonb, notNull: true }),
  jsonb_array_length: (call) => ({ sql: `json_array_length(${argument(call, 0, jsonb).sql})`, type: int4 }),
  json_array_length: (call) => ({ sql: `json_array_length(${argument(call, 0, jsonb).sql})`, type: int4 }),
  jsonb_typeof: (call) => ({ sql: jsonKind(argument(call, 0, jsonb).sql), type: text }),
  json_typeof: (call) => ({ sql: jsonKind(argument(call, 0, jsonb).sql), type: text }),
  cardinality: (call) => ({ sql: `json_array_length(${argument(call, 0).sql})`, type: int4 }),
  array_length: (call) => ({ sql: `nullif(json_array_length(${argument(call, 0).sql}), 0)`, type: int4 }),
  current_database: () => ({ sql: "'tenant'", type: text, notNull: true }),
};

const jsonParts = (call: Call): string =>
  call.given.map((_, index) => jsonPart(argument(call, index, text), call)).join(", ");

const jsonKind = (sql: string): string =>
  `case json_type(${sql}) when 'integer' then 'number' when 'real' then 'number' when 'text' then 'string' when 'true' then 'boolean' when 'false' then 'boolean' else json_type(${sql}) end`;

const randomUuid =
  "(lower(hex(randomblob(4))) || '-' || lower(hex(randomblob(2))) || '-4' || substr(lower(hex(randomblob(2))), 2) || '-' || substr('89ab', 1 + (abs(random()) % 4), 1) || substr(lower(hex(randomblob(2))), 2) || '-' || lower(hex(randomblob(6))))";
