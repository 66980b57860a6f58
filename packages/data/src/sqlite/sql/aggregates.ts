import { argument, type Call, jsonPart, textArguments } from "./arguments.ts";
import { unsupported } from "./refusal.ts";
import {
  arrayOf,
  bool,
  displayName,
  float8,
  int4,
  int8,
  isInteger,
  isJson,
  isNumber,
  isText,
  json,
  jsonb,
  numeric,
  type PgType,
  text,
} from "./types.ts";

/** `emptyIsNull`: SQLite gives an empty list where PostgreSQL gives null. */
type Aggregate = (call: Call) => {
  sql: (order: string) => string;
  type: PgType;
  orders?: boolean;
  emptyIsNull?: boolean;
};

const sumType = (type: PgType): PgType => {
  if (type.name === "int8") return { name: "numeric", precision: 15, scale: 0 };
  if (isInteger(type)) return int8;
  return type;
};

const jsonGroup =
  (type: PgType): Aggregate =>
  (call) => ({
    sql: (order) => `json_group_array(${jsonPart(argument(call, 0, text), call)}${order})`,
    type,
    orders: true,
    emptyIsNull: true,
  });

const smallest =
  (sqliteName: string): Aggregate =>
  (call) => {
    const value = argument(call, 0, text);
    if (value.type.labels || value.type.array || value.type.name === "uuid")
      throw unsupported(`${sqliteName}() of ${displayName(value.type)}`, call.node);
    return {
      sql: () => `${sqliteName}(${distinct(call)}${value.sql})`,
      type: isText(value.type) ? text : value.type,
    };
  };

const distinct = ({ node }: Call): string => (node.agg_distinct ? "distinct " : "");

/** Aggregates; they take FILTER, OVER, DISTINCT, and an order where it matters. */
export const aggregates: Record<string, Aggregate> = {
  count: (call) => ({
    sql: () => `count(${call.node.agg_star ? "*" : distinct(call) + argument(call, 0, text).sql})`,
    type: int8,
  }),
  sum: (call) => {
    const value = argument(call, 0, float8);
    return { sql: () => `sum(${distinct(call)}${value.sql})`, type: sumType(value.type) };
  },
  avg: (call) => {
    const value = argument(call, 0, float8);
    if (!isNumber(value.type)) throw unsupported(`avg() of ${displayName(value.type)}`, call.node);
    return {
      sql: () => `avg(${distinct(call)}${value.sql})`,
      type: value.type.name.startsWith("float") ? float8 : numeric,
    };
  },
  min: smallest("min"),
  max: smallest("max"),
  bool_and: (call) => ({ sql: () => `min(${argument(call, 0, bool).sql})`, type: bool }),
  every: (call) => ({ sql: () => `min(${argument(call, 0, bool).sql})`, type: bool }),
  bool_or: (call) => ({ sql: () => `max(${argument(call, 0, bool).sql})`, type: bool }),
  string_agg: (call) => {
    const [value, separator] = textArguments(call);
    if (call.node.agg_distinct) throw unsupported("string_agg(distinct …)", call.node);
    return { sql: (order) => `group_concat(${value}, ${separator}${order})`, type: text, orders: true };
  },
  array_agg: (call) => {
    const value = argument(call, 0, text);
    if (value.type.array || value.type.name === "bytea" || isJson(value.type))
      throw unsupported(`array_agg() of ${displayName(value.type)}`, call.node);
    return {
      sql: (order) => `json_group_array(${distinct(call)}${value.sql}${order})`,
      type: arrayOf(value.type),
      orders: true,
      emptyIsNull: true,
    };
  },
  json_agg: jsonGroup(json),
  jsonb_agg: jsonGroup(jsonb),
};

/** What has a meaning over a window alone. */
export const windowFunctions: Record<string, (call: Call) => { sql: string; type: PgType }> = {
  row_number: () => ({ sql: "row_number()", type: int8 }),
  rank: () => ({ sql: "rank()", type: int8 }),
  dense_rank: () => ({ sql: "dense_rank()", type: int8 }),
  ntile: (call) => ({ sql: `ntile(${argument(call, 0, int4).sql})`, type: int4 }),
  lag: (call) => neighbour("lag", call),
  lead: (call) => neighbour("lead", call),
  first_value: (call) => neighbour("first_value", call),
  last_value: (call) => neighbour("last_value", call),
};

function neighbour(sqliteName: string, call: Call): { sql: string; type: PgType } {
  const value = argument(call, 0, text);
  const others = call.given
    .slice(1)
    .map((_, index) => argument(call, index + 1, index === 0 ? int4 : value.type).sql);
  return { sql: `${sqliteName}(${[value.sql, ...others].join(", ")})`, type: value.type };
}
