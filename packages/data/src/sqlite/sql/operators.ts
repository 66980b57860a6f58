import type { A_Expr, Node } from "@pgsql/types";
import { asTime, textOf } from "./casts.ts";
import { interval, moveTime } from "./intervals.ts";
import { raise, string } from "./quote.ts";
import { unsupported, wrong } from "./refusal.ts";
import type { Scope, Translation, Typed } from "./translation.ts";
import {
  arrayOf,
  bool,
  categoryOf,
  date,
  displayName,
  elementOf,
  float8,
  int4,
  int8,
  isInteger,
  isJson,
  isNumber,
  isText,
  isTime,
  jsonb,
  numeric,
  type PgType,
  text,
} from "./types.ts";

export type Place = { location?: number | undefined };

/** Literals and parameters take the type of what they stand with. */
export function isUntyped(node: Node): boolean {
  return (
    "ParamRef" in node ||
    ("A_Const" in node && (node.A_Const.sval !== undefined || node.A_Const.isnull === true))
  );
}

/** Both sides of something; an untyped one is read by the type of the other. */
export function pair(t: Translation, scope: Scope, left: Node, right: Node, hint?: PgType): [Typed, Typed] {
  if (isUntyped(left) && !isUntyped(right)) {
    const second = t.expression(scope, right, hint);
    return [t.expression(scope, left, sideHint(second)), second];
  }
  const first = t.expression(scope, left, hint);
  return [first, t.expression(scope, right, isUntyped(right) ? sideHint(first) : hint)];
}

function sideHint({ type }: Typed): PgType {
  // A number with digits takes others with more: they are compared, not stored.
  if (type.name === "numeric") return numeric;
  return type.name === "varchar" ? text : type;
}

const comparisons: Record<string, string> = {
  "=": "=",
  "<>": "<>",
  "!=": "<>",
  "<": "<",
  ">": ">",
  "<=": "<=",
  ">=": ">=",
};

export function operatorName({ name }: A_Expr): string {
  const last = name?.at(-1);
  return last && "String" in last ? (last.String.sval ?? "") : "";
}

export function operator(t: Translation, scope: Scope, node: A_Expr, hint: PgType | undefined): Typed {
  const sign = operatorName(node);
  if (node.lexpr === undefined) return unary(t, scope, sign, node, hint);
  const left = node.lexpr;
  const right = node.rexpr!;
  if (Object.hasOwn(comparisons, sign)) {
    const sides = pair(t, scope, left, right);
    return { sql: compare(sides[0], comparisons[sign]!, sides[1], node), type: bool };
  }
  if (sign === "||") return concatenate(t, scope, left, right, node);
  if (/^[-#]>>?$/.test(sign) || /^[?]/.test(sign)) return jsonOperator(t, scope, sign, left, right, node);
  if (/^[-+*/%^]$/.test(sign)) return arithmetic(t, scope, sign, left, right, node, hint);
  throw unsupported(`The operator ${sign}`, node);
}

function unary(t: Translation, scope: Scope, sign: string, node: A_Expr, hint: PgType | undefined): Typed {
  const value = t.expression(scope, node.rexpr!, hint);
  if ((sign !== "-" && sign !== "+") || !(isNumber(value.type) || value.type.name === "interval"))
    throw unsupported(`The operator ${sign}`, node);
  const months = value.months === undefined ? undefined : -value.months;
  return sign === "+" ? value : { sql: `(-${value.sql})`, type: value.type, ...(months && { months }) };
}

/** Compares; both sides are of one kind, or it is refused as PostgreSQL would. */
export function compare(left: Typed, sign: string, right: Typed, node: Place): string {
  const [first, second] = alike(left, sign, right, node);
  return `(${first} ${sign} ${second})`;
}

export function alike(left: Typed, sign: string, right: Typed, node: Place): [string, string] {
  if (isTime(left.type) && isTime(right.type) && left.type.name !== right.type.name) {
    const target = [left.type, right.type].find(({ name }) => name === "timestamptz") ?? {
      name: "timestamp",
    };
    return [asTime(left, target), asTime(right, target)];
  }
  const untyped = [left, right].some(({ type, sql }) => type.name === "unknown" || sql === "null");
  if (!untyped && categoryOf(left.type) !== categoryOf(right.type)) {
    throw wrong(
      "42883",
      `operator does not exist: ${displayName(left.type)} ${sign} ${displayName(right.type)}`,
      node,
    );
  }
  if (left.type.name === "json" || right.type.name === "json") {
    throw wrong("42883", `operator does not exist: json ${sign} json`, node);
  }
  const inOrder = sign !== "=" && sign !== "<>" && sign !== "is" && sign !== "is not" && sign !== "in";
  if (inOrder && left.type.labels && !left.type.array) return [enumRank(left), enumRank(right)];
  return [left.sql, right.sql];
}

/** Enums are in the order of their labels. */
export function enumRank({ sql, type }: Typed): string {
  const ranks = (type.labels ?? []).map((label, index) => `when ${string(label)} then ${index}`);
  return `case ${sql} ${ranks.join(" ")} end`;
}

function concatenate(t: Translation, scope: Scope, left: Node, right: Node, node: Place): Typed {
  const [first, second] = [t.expression(scope, left), t.expression(scope, right)];
  const parts = [first, second].map((side) =>
    isJson(side.type) || side.type.array ? undefined : textOf(side),
  );
  if (parts[0] === undefined || parts[1] === undefined) {
    throw unsupported(`|| of ${displayName(first.type)} and ${displayName(second.type)}`, node);
  }
  return { sql: `(${parts[0]} || ${parts[1]})`, type: text };
}

function arithmetic(
  t: Translation,
  scope: Scope,
  sign: string,
  left: Node,
  right: Node,
  node: Place,
  hint?: PgType,
): Typed {
  const numberHint = hint && isNumber(hint) ? hint : undefined;
  const untypedBoth = isUntyped(left) && isUntyped(right);
  const [first, second] = untypedBoth
    ? pair(t, scope, left, right, numberHint ?? int4)
    : timePair(t, scope, left, right);
  if (isTime(first.type) || isTime(second.type)) return timeArithmetic(sign, first, second, node);
  if (first.type.name === "interval" || second.type.name === "interval")
    return intervalArithmetic(sign, first, second, node);
  if (!isNumber(first.type) || !isNumber(second.type)) {
    throw wrong(
      "42883",
      `operator does not exist: ${displayName(first.type)} ${sign} ${displayName(second.type)}`,
      node,
    );
  }
  const type = widest(first.type, second.type, sign);
  if (sign === "^") return { sql: `power(${first.sql}, ${second.sql})`, type: float8 };
  if (sign !== "/" && sign !== "%") return { sql: `(${first.sql} ${sign} ${second.sql})`, type };
  const divisor = /^-?[1-9]\d*(\.\d+)?$/.test(second.sql)
    ? second.sql
    : `case when ${second.sql} = 0 then ${raise("22012")} else ${second.sql} end`;
  const dividend = isInteger(type) ? first.sql : `cast(${first.sql} as real)`;
  if (sign === "%" && !isInteger(type)) return { sql: `mod(${dividend}, ${divisor})`, type };
  return { sql: `(${dividend} ${sign} ${divisor})`, type };
}

// Beside a point in time a literal is an interval when the other side is one, and a parameter beside a date a number.
function timePair(t: Translation, scope: Scope, left: Node, right: Node): [Typed, Typed] {
  if (isUntyped(right)) {
    const first = t.expression(scope, left);
    if (first.type.name === "interval") return [first, t.expression(scope, right, float8)];
    const hint = first.type.name === "date" ? int4 : isTime(first.type) ? interval : sideHint(first);
    return [first, t.expression(scope, right, hint)];
  }
  if (!isUntyped(left)) return pair(t, scope, left, right);
  const second = t.expression(scope, right);
  if (second.type.name === "interval") return [t.expression(scope, left, float8), second];
  return [t.expression(scope, left, sideHint(second)), second];
}

function timeArithmetic(sign: string, left: Typed, right: Typed, node: Place): Typed {
  if (isTime(left.type) && right.type.name === "interval" && (sign === "+" || sign === "-")) {
    return moveTime(left, right, sign === "+" ? 1 : -1);
  }
  if (left.type.name === "interval" && isTime(right.type) && sign === "+") return moveTime(right, left, 1);
  if (left.type.name === "date" && isInteger(right.type) && (sign === "+" || sign === "-")) {
    return { sql: `date(${left.sql}, ((${sign === "-" ? "-" : ""}(${right.sql})) || ' days'))`, type: date };
  }
  if (sign === "-" && isTime(left.type) && isTime(right.type)) {
    const days = (side: Typed) =>
      `julianday(${side.type.name === "date" ? side.sql : `substr(${side.sql}, 1, 26)`})`;
    if (left.type.name === "date" && right.type.name === "date") {
      return { sql: `cast(${days(left)} - ${days(right)} as integer)`, type: int4 };
    }
    return { sql: `round((${days(left)} - ${days(right)}) * 86400.0, 3)`, type: interval, months: 0 };
  }
  throw wrong(
    "42883",
    `operator does not exist: ${displayName(left.type)} ${sign} ${displayName(right.type)}`,
    node,
  );
}

function intervalArithmetic(sign: string, left: Typed, right: Typed, node: Place): Typed {
  const [first, second] = [left, right];
  const months = (left.months ?? 0) !== 0 || (right.months ?? 0) !== 0;
  const bothIntervals = first.type.name === "interval" && second.type.name === "interval";
  if (bothIntervals && (sign === "+" || sign === "-")) {
    const sum = (first.months ?? 0) + (sign === "+" ? 1 : -1) * (second.months ?? 0);
    return { sql: `(${first.sql} ${sign} ${second.sql})`, type: interval, months: sum };
  }
  const scales = sign === "*" || (sign === "/" && first.type.name === "interval");
  const other = first.type.name === "interval" ? second : first;
  if (months || !scales || !isNumber(other.type)) throw unsupported("This arithmetic of intervals", node);
  return {
    sql: `(${first.sql} ${sign} ${sign === "/" ? `cast(${second.sql} as real)` : second.sql})`,
    type: interval,
  };
}

function widest(left: PgType, right: PgType, sign: string): PgType {
  if ([left, right].some(({ name }) => name.startsWith("float"))) return float8;
  if ([left, right].some(({ name }) => name === "numeric")) {
    const scales = [left, right].map((type) => (isInteger(type) ? 0 : type.scale));
    if (sign === "/" || scales.some((scale) => scale === undefined)) return numeric;
    const scale = sign === "*" ? scales[0]! + scales[1]! : Math.max(scales[0]!, scales[1]!);
    return { name: "numeric", precision: 15, scale };
  }
  return [left, right].some(({ name }) => name === "int8") ? int8 : int4;
}

function jsonOperator(
  t: Translation,
  scope: Scope,
  sign: string,
  left: Node,
  right: Node,
  node: Place,
): Typed {
  const value = t.expression(scope, left, jsonb);
  if (!isJson(value.type))
    throw wrong("42883", `operator does not exist: ${displayName(value.type)} ${sign} unknown`, node);
  if (sign === "?") {
    const key = t.expression(scope, right, text);
    return { sql: `(json_type(${value.sql}, '$.' || json_quote(${key.sql})) is not null)`, type: bool };
  }
  const path = jsonPath(t, scope, sign, right, node);
  if (sign === "->" || sign === "#>") return { sql: `(${value.sql} -> ${path})`, type: value.type };
  if (sign !== "->>" && sign !== "#>>") throw unsupported(`The operator ${sign}`, node);
  const kind = `json_type(${value.sql}, ${path})`;
  return {
    sql: `case ${kind} when 'true' then 'true' when 'false' then 'false' else cast(${value.sql} ->> ${path} as text) end`,
    type: text,
  };
}

function jsonPath(t: Translation, scope: Scope, sign: string, right: Node, node: Place): string {
  if (sign.startsWith("#")) {
    const path = "A_Const" in right ? right.A_Const.sval?.sval : undefined;
    if (path === undefined) throw unsupported(`${sign} with a path that isn't written out`, node);
    const parts = path
      .replace(/^\{|\}$/g, "")
      .split(",")
      .filter((part) => part !== "");
    if (parts.some((part) => /["\\]/.test(part))) throw unsupported(`${sign} with quotes in its path`, node);
    return string(`$${parts.map((part) => (/^\d+$/.test(part) ? `[${part}]` : `."${part}"`)).join("")}`);
  }
  const key = t.expression(scope, right, isUntyped(right) ? text : undefined);
  if (isInteger(key.type))
    return `case when ${key.sql} < 0 then '$[#' || ${key.sql} || ']' else '$[' || ${key.sql} || ']' end`;
  if (!isText(key.type)) throw unsupported(`${sign} with ${displayName(key.type)}`, node);
  return `('$.' || json_quote(${key.sql}))`;
}

/** `x = any (array)` and `x <> all (array)`; with another sign, or a query, what SQLite has for it. */
export function arrayComparison(t: Translation, scope: Scope, node: A_Expr, all: boolean): Typed {
  const sign = operatorName(node);
  if (sign !== (all ? "<>" : "=") && !(all && sign === "!=")) {
    throw unsupported(`${sign} ${all ? "all" : "any"} (array)`, node);
  }
  const value = t.expression(scope, node.lexpr!, text);
  const element = sideHint(value);
  const array = t.expression(scope, node.rexpr!, arrayOf(element));
  if (!array.type.array) throw wrong("42809", "op ANY/ALL (array) requires array on right side", node);
  const items = { sql: "value", type: elementOf(array.type) };
  alike(value, "=", items, node);
  // PostgreSQL answers null where the array has one and nothing is found; so does SQLite.
  const found = `(${value.sql} ${all ? "not in" : "in"} (select value from json_each(${array.sql})))`;
  return { sql: `case when ${array.sql} is null then null else ${found} end`, type: bool };
}
