import type { A_Const, CaseExpr, FuncCall, Node, SQLValueFunction, SubLink, TypeCast } from "@pgsql/types";
import { call } from "./call.ts";
import { cast, literal, textLiteral } from "./casts.ts";
import { comparison } from "./comparison.ts";
import { intervalLiteral } from "./intervals.ts";
import { alike, compare, isUntyped, operatorName, pair } from "./operators.ts";
import { frame, orderBy } from "./order.ts";
import { name } from "./quote.ts";
import { Refusal, unsupported, wrong } from "./refusal.ts";
import { findColumn, now, parameter, type Scope, type Translation, type Typed } from "./translation.ts";
import {
  bool,
  date,
  int4,
  int8,
  numeric,
  type PgType,
  readType,
  text,
  timestamp,
  timestamptz,
  unknown,
} from "./types.ts";

type Write<Part> = (t: Translation, scope: Scope, node: Part, hint?: PgType) => Typed;

/** Writes an expression in SQLite's SQL. What isn't listed here isn't run. */
export function expression(t: Translation, scope: Scope, node: Node, hint?: PgType): Typed {
  const [kind, part] = Object.entries(node)[0] as [string, never];
  const write = Object.hasOwn(writers, kind) ? writers[kind]! : undefined;
  if (!write) throw unsupported(constructOf(kind), part);
  return write(t, scope, part, hint);
}

function constructOf(kind: string): string {
  const words: Record<string, string> = {
    A_Indirection: "A subscript or a field of a value",
    GroupingFunc: "GROUPING",
    SetToDefault: "DEFAULT in this place",
    A_ArrayExpr: "ARRAY[…]",
    XmlExpr: "XML",
    JsonObjectConstructor: "JSON_OBJECT with SQL's own syntax",
    CurrentOfExpr: "WHERE CURRENT OF",
    RowExpr: "A row in this place",
  };
  return words[kind] ?? kind;
}

const writers: Record<string, Write<never>> = {
  A_Const: constant as Write<never>,
  ColumnRef: ((_t, scope, node: { fields?: Node[]; location?: number }) => {
    const path = (node.fields ?? []).map((field) => {
      if ("String" in field) return field.String.sval ?? "";
      throw unsupported("* in this place", node);
    });
    if (path.length === 3 && path[0] === "public") path.shift();
    if (path.length > 2) throw unsupported(`The name ${path.join(".")}`, node);
    return findColumn(scope, path, node);
  }) as Write<never>,
  ParamRef: ((t, _scope, { number = 0, location }: { number?: number; location?: number }, hint) => ({
    sql: parameter(t, number, hint, location),
    type: hint ?? unknown,
  })) as Write<never>,
  TypeCast: typeCast as Write<never>,
  FuncCall: ((t, scope, node: FuncCall) =>
    call(t, scope, node, {
      orderBy: (nodes) => orderBy(t, scope, nodes),
      window: ({ over }) => frame(t, scope, over!),
    })) as Write<never>,
  A_Expr: comparison as Write<never>,
  BoolExpr: ((t, scope, { boolop, args = [] }: { boolop?: string; args?: Node[] }) => {
    const parts = args.map((part) => condition(t, scope, part));
    if (boolop === "NOT_EXPR") return { sql: `(not ${parts[0]})`, type: bool };
    return { sql: `(${parts.join(boolop === "AND_EXPR" ? " and " : " or ")})`, type: bool };
  }) as Write<never>,
  NullTest: ((t, scope, { arg, nulltesttype }: { arg?: Node; nulltesttype?: string }) => ({
    sql: `(${t.expression(scope, arg!).sql} is ${nulltesttype === "IS_NULL" ? "" : "not "}null)`,
    type: bool,
    notNull: true,
  })) as Write<never>,
  BooleanTest: ((t, scope, { arg, booltesttype = "" }: { arg?: Node; booltesttype?: string }) => {
    const test = booltesttype.toLowerCase().replaceAll("_", " ").replace("unknown", "null");
    return { sql: `(${t.expression(scope, arg!, bool).sql} ${test})`, type: bool, notNull: true };
  }) as Write<never>,
  SubLink: subquery as Write<never>,
  CaseExpr: caseExpression as Write<never>,
  CoalesceExpr: ((t, scope, { args = [] }: { args?: Node[] }, hint) => {
    const { parts, type } = common(t, scope, args, hint);
    const notNull = parts.some((part) => part.notNull);
    return {
      sql: parts.length === 1 ? parts[0]!.sql : `coalesce(${parts.map(({ sql }) => sql).join(", ")})`,
      type,
      notNull,
    };
  }) as Write<never>,
  MinMaxExpr: ((t, scope, { op, args = [] }: { op?: string; args?: Node[] }, hint) => {
    const { parts, type } = common(t, scope, args, hint);
    if (type.labels) throw unsupported("GREATEST and LEAST of an enum");
    // PostgreSQL leaves nulls out, SQLite's functions give null for them.
    const any = `coalesce(${parts.map(({ sql }) => sql).join(", ")}, null)`;
    const filled = parts.map(({ sql, notNull }) => (notNull ? sql : `coalesce(${sql}, ${any})`));
    return {
      sql: filled.length === 1 ? filled[0]! : `${op === "IS_LEAST" ? "min" : "max"}(${filled.join(", ")})`,
      type,
    };
  }) as Write<never>,
  SQLValueFunction: valueFunction as Write<never>,
  CollateClause: ((t, scope, node: { arg?: Node; collname?: Node[]; location?: number }, hint) => {
    const last = node.collname?.at(-1);
    const collation = last && "String" in last ? last.String.sval : "";
    if (collation !== "C" && collation !== "POSIX" && collation !== "default")
      throw unsupported(`The collation ${collation}`, node);
    return t.expression(scope, node.arg!, hint);
  }) as Write<never>,
  A_ArrayExpr: ((t, scope, { elements = [] }: { elements?: Node[] }, hint) => {
    const { parts, type } = common(
      t,
      scope,
      elements,
      hint?.array ? ({ ...hint, array: undefined } as unknown as PgType) : undefined,
    );
    if (type.array || type.name === "bytea") throw unsupported("An array of arrays, or of bytea");
    return {
      sql: `json_array(${parts.map(({ sql }) => sql).join(", ")})`,
      type: { ...type, name: type.name === "unknown" ? "text" : type.name, array: true },
    };
  }) as Write<never>,
  RowExpr: ((t, scope, { args = [] }: { args?: Node[] }) => ({
    sql: `(${args.map((part) => t.expression(scope, part).sql).join(", ")})`,
    type: { name: "record" },
  })) as Write<never>,
};

/** A condition, which must be a truth value. */
export function condition(t: Translation, scope: Scope, node: Node): string {
  const value = t.expression(scope, node, bool);
  if (value.type.name !== "bool" && value.sql !== "null") {
    throw wrong(
      "42804",
      "argument of WHERE must be type boolean",
      Object.values(node)[0] as { location?: number },
    );
  }
  return value.sql;
}

function constant(_t: Translation, _scope: Scope, node: A_Const, hint?: PgType): Typed {
  if (node.isnull) return { sql: "null", type: hint ?? unknown };
  if (node.boolval) return { sql: node.boolval.boolval ? "1" : "0", type: bool, notNull: true };
  if (node.ival) return { sql: String(node.ival.ival ?? 0), type: int4, notNull: true };
  if (node.fval) return decimal(node.fval.fval ?? "0");
  if (node.sval) {
    const given = node.sval.sval ?? "";
    if (hint?.name === "interval") return intervalLiteral(given);
    return locate(node, () =>
      hint ? textLiteral(given, hint) : { ...textLiteral(given, text), type: unknown },
    );
  }
  throw unsupported("A bit string", node);
}

function decimal(given: string): Typed {
  if (/^\d+$/.test(given)) {
    if (BigInt(given) <= 9_223_372_036_854_775_807n) return { sql: given, type: int8, notNull: true };
    throw unsupported("A number beyond bigint");
  }
  const scale = /^\d*\.(\d*)$/.exec(given)?.[1]?.length;
  const value = Number(given);
  if (!Number.isFinite(value)) throw wrong("22003", "value out of range");
  return {
    sql: literal(value),
    type: scale === undefined ? numeric : { name: "numeric", precision: 15, scale },
    notNull: true,
  };
}

function locate<Result>(node: { location?: number | undefined }, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (error instanceof Refusal && error.location === undefined)
      throw new Refusal(error.code, error.message, { location: node.location, hint: error.hint });
    throw error;
  }
}

function typeCast(t: Translation, scope: Scope, node: TypeCast): Typed {
  const target = readType(t.schema, node.typeName!);
  const inner = node.arg!;
  if (target.name === "interval") return intervalCast(t, scope, inner, node);
  if (isUntyped(inner) || "A_ArrayExpr" in inner) {
    const value = t.expression(scope, inner, target);
    return { ...value, type: target };
  }
  return cast(t.expression(scope, inner), target, node);
}

/** `'1 day'::interval`, `$1::interval` (without months), and `(n || ' days')::interval`. */
function intervalCast(t: Translation, scope: Scope, inner: Node, node: TypeCast): Typed {
  const joined = "A_Expr" in inner && operatorName(inner.A_Expr) === "||" ? inner.A_Expr : undefined;
  if (joined?.rexpr && "A_Const" in joined.rexpr && joined.lexpr) {
    const unit = intervalLiteral(`1${joined.rexpr.A_Const.sval?.sval ?? ""}`);
    if (unit.months) throw unsupported("A number of months that isn't written out", node);
    const count = t.expression(scope, joined.lexpr, text);
    return { sql: `(cast(${count.sql} as real) * ${unit.sql})`, type: unit.type };
  }
  const value = t.expression(scope, inner, { name: "interval" });
  if (value.type.name !== "interval") throw unsupported("A cast to interval", node);
  return value;
}

function subquery(t: Translation, scope: Scope, node: SubLink): Typed {
  const inner = t.query(scope, node.subselect!);
  if (node.subLinkType === "EXISTS_SUBLINK")
    return { sql: `exists (${inner.sql})`, type: bool, notNull: true };
  const first = inner.columns[0];
  const single =
    node.subLinkType === "EXPR_SUBLINK" ||
    node.subLinkType === "ANY_SUBLINK" ||
    node.subLinkType === "ARRAY_SUBLINK";
  if (!single || !first) throw unsupported("ALL of a query", node);
  if (node.subLinkType === "EXPR_SUBLINK") {
    if (inner.columns.length !== 1) throw wrong("42601", "subquery must return only one column", node);
    return { sql: `(${inner.sql})`, type: first.type };
  }
  if (node.subLinkType === "ARRAY_SUBLINK") {
    if (first.type.array || first.type.name === "bytea") throw unsupported("ARRAY of such a query", node);
    return {
      sql: `(select json_group_array(${name(first.alias ?? first.name)}) from (${inner.sql}))`,
      type: { ...first.type, array: true },
    };
  }
  const sign = node.operName?.at(-1);
  if (sign && "String" in sign && sign.String.sval !== "=")
    throw unsupported("ANY of a query with another sign than =", node);
  const test = node.testexpr!;
  if ("RowExpr" in test) return { sql: `(${t.expression(scope, test).sql} in (${inner.sql}))`, type: bool };
  const value = t.expression(scope, test, first.type);
  alike(value, "in", { sql: "", type: first.type }, node);
  return { sql: `(${value.sql} in (${inner.sql}))`, type: bool };
}

/** Values that become one: a parameter and a literal take the type of the others. */
export function common(
  t: Translation,
  scope: Scope,
  nodes: readonly Node[],
  hint?: PgType,
): { parts: Typed[]; type: PgType } {
  const typed = nodes.find((node) => !isUntyped(node));
  const lead = typed ? t.expression(scope, typed, hint).type : undefined;
  const given = lead && lead.name !== "unknown" ? lead : (hint ?? text);
  const parts = nodes.map((node) =>
    t.expression(scope, node, isUntyped(node) && given.name === "numeric" ? numeric : given),
  );
  const widest =
    parts.find(({ type }) => type.name === "float8") ??
    parts.find(({ type }) => type.name === "numeric" && type.scale === undefined) ??
    parts.find(({ type }) => type.name === "int8");
  for (const part of parts) alike(part, "=", { sql: "", type: given }, {});
  const type =
    widest && (given.name === "int4" || given.name === "int8" || given.name === "numeric")
      ? widest.type
      : given;
  return { parts, type };
}

function caseExpression(t: Translation, scope: Scope, node: CaseExpr, hint?: PgType): Typed {
  const whens = (node.args ?? []).map((part) => ("CaseWhen" in part ? part.CaseWhen : {}));
  const results = [...whens.map(({ result }) => result!), ...(node.defresult ? [node.defresult] : [])];
  const { parts, type } = common(t, scope, results, hint);
  const branches = whens.map(({ expr }, index) => {
    const test = node.arg ? compareCase(t, scope, node.arg, expr!, node) : condition(t, scope, expr!);
    return `when ${test} then ${parts[index]!.sql}`;
  });
  const otherwise = node.defresult ? ` else ${parts.at(-1)!.sql}` : "";
  return { sql: `case ${branches.join(" ")}${otherwise} end`, type };
}

function compareCase(t: Translation, scope: Scope, value: Node, by: Node, node: CaseExpr): string {
  const [left, right] = pair(t, scope, value, by);
  return compare(left, "=", right, node);
}

function valueFunction(t: Translation, _scope: Scope, node: SQLValueFunction): Typed {
  const op = node.op ?? "";
  if (/^SVFOP_CURRENT_TIMESTAMP/.test(op))
    return { sql: now(t, "timestamptz"), type: timestamptz, notNull: true };
  if (/^SVFOP_LOCALTIMESTAMP/.test(op)) return { sql: now(t, "timestamp"), type: timestamp, notNull: true };
  if (op === "SVFOP_CURRENT_DATE") return { sql: now(t, "date"), type: date, notNull: true };
  throw unsupported(op.replace("SVFOP_", ""), node);
}
