import type { A_Expr } from "@pgsql/types";
import { literal } from "./casts.ts";
import { alike, arrayComparison, compare, isUntyped, operator, operatorName, pair } from "./operators.ts";
import { unsupported, wrong } from "./refusal.ts";
import type { Scope, Translation, Typed } from "./translation.ts";
import { bool, isText, numeric, type PgType, text } from "./types.ts";

const likes: Record<string, string> = { "~~": "like", "!~~": "not like", "~~*": "like", "!~~*": "not like" };

/** What has two sides and a sign. */
export function comparison(t: Translation, scope: Scope, node: A_Expr, hint?: PgType): Typed {
  switch (node.kind) {
    case "AEXPR_OP":
      return "RowExpr" in (node.lexpr ?? {}) ? rowComparison(t, scope, node) : operator(t, scope, node, hint);
    case "AEXPR_OP_ANY":
    case "AEXPR_OP_ALL":
      return arrayComparison(t, scope, node, node.kind === "AEXPR_OP_ALL");
    case "AEXPR_DISTINCT":
    case "AEXPR_NOT_DISTINCT": {
      const [left, right] = pair(t, scope, node.lexpr!, node.rexpr!);
      return {
        sql: compare(left, node.kind === "AEXPR_DISTINCT" ? "is not" : "is", right, node),
        type: bool,
        notNull: true,
      };
    }
    case "AEXPR_NULLIF": {
      const [left, right] = pair(t, scope, node.lexpr!, node.rexpr!);
      const [first, second] = alike(left, "=", right, node);
      return { sql: `nullif(${first}, ${second})`, type: left.type };
    }
    case "AEXPR_IN":
      return inList(t, scope, node);
    case "AEXPR_LIKE":
    case "AEXPR_ILIKE":
      return like(t, scope, node);
    case "AEXPR_BETWEEN":
    case "AEXPR_NOT_BETWEEN":
      return between(t, scope, node);
    default:
      throw unsupported(node.kind === "AEXPR_SIMILAR" ? "SIMILAR TO" : "This comparison", node);
  }
}

/** `(a, b) > ($1, $2)`, as pages by key have it. */
function rowComparison(t: Translation, scope: Scope, node: A_Expr): Typed {
  const rows = [node.lexpr!, node.rexpr!].map((side) =>
    "RowExpr" in side ? (side.RowExpr.args ?? []) : undefined,
  );
  const [left, right] = rows;
  if (!left || !right || left.length !== right.length)
    throw unsupported("A comparison of rows of this form", node);
  const pairs = left.map((first, index) =>
    alike(...toPair(pair(t, scope, first, right[index]!), operatorName(node)), node),
  );
  const [firsts, seconds] = [pairs.map(([first]) => first), pairs.map(([, second]) => second)];
  return { sql: `((${firsts.join(", ")}) ${operatorName(node)} (${seconds.join(", ")}))`, type: bool };
}

const toPair = ([left, right]: [Typed, Typed], sign: string): [Typed, string, Typed] => [left, sign, right];

function inList(t: Translation, scope: Scope, node: A_Expr): Typed {
  const items = "List" in node.rexpr! ? (node.rexpr.List.items ?? []) : [];
  const not = operatorName(node) === "<>" ? "not " : "";
  if ("RowExpr" in node.lexpr!) {
    const columns = (node.lexpr.RowExpr.args ?? []).map((part) => t.expression(scope, part));
    const rows = items.map((item) => {
      if (!("RowExpr" in item)) throw unsupported("IN of rows and values", node);
      return `(${(item.RowExpr.args ?? []).map((part, index) => t.expression(scope, part, columns[index]?.type).sql).join(", ")})`;
    });
    return {
      sql: `((${columns.map(({ sql }) => sql).join(", ")}) ${not}in (values ${rows.join(", ")}))`,
      type: bool,
    };
  }
  const typed = [node.lexpr!, ...items].find((item) => !isUntyped(item));
  const hint = typed ? t.expression(scope, typed).type : text;
  const value = t.expression(scope, node.lexpr!, hint);
  const list = items.map((item) => {
    const one = t.expression(scope, item, value.type.name === "numeric" ? numeric : value.type);
    return alike(value, "in", one, node)[1];
  });
  return { sql: `(${value.sql} ${not}in (${list.join(", ")}))`, type: bool };
}

function like(t: Translation, scope: Scope, node: A_Expr): Typed {
  const word = likes[operatorName(node)];
  if (!word) throw unsupported("This comparison", node);
  const insensitive = node.kind === "AEXPR_ILIKE";
  const value = t.expression(scope, node.lexpr!, text);
  if (!isText(value.type) && value.type.name !== "unknown")
    throw wrong("42883", "operator does not exist: LIKE takes texts", node);
  let pattern = node.rexpr!;
  let escapedBy = "'\\'";
  if (
    "FuncCall" in pattern &&
    (pattern.FuncCall.funcname ?? []).some((part) => "String" in part && part.String.sval === "like_escape")
  ) {
    const [given, by] = pattern.FuncCall.args ?? [];
    const sign = by && "A_Const" in by ? by.A_Const.sval?.sval : undefined;
    if (!given || sign === undefined || sign.length > 1) throw unsupported("ESCAPE of this form", node);
    pattern = given;
    escapedBy = sign === "" ? "char(1)" : literal(sign);
  }
  const by = t.expression(scope, pattern, text);
  const fold = (sql: string) => (insensitive ? `lower(${sql})` : sql);
  return { sql: `(${fold(value.sql)} ${word} ${fold(by.sql)} escape ${escapedBy})`, type: bool };
}

function between(t: Translation, scope: Scope, node: A_Expr): Typed {
  const [low, high] = "List" in node.rexpr! ? (node.rexpr.List.items ?? []) : [];
  const [value, first] = pair(t, scope, node.lexpr!, low!);
  const [, second] = pair(t, scope, node.lexpr!, high!);
  const not = node.kind === "AEXPR_NOT_BETWEEN" ? "not " : "";
  return {
    sql: `(${not}(${compare(value, ">=", first, node)} and ${compare(value, "<=", second, node)}))`,
    type: bool,
  };
}
