import type { Node } from "@pgsql/types";

const stringOf = (node: Node | undefined): string | undefined =>
  node && "String" in node ? node.String.sval : undefined;

/** The name that PostgreSQL gives to an output without one. */
export function outputName(node: Node): string {
  return nameOf(node) ?? "?column?";
}

function nameOf(node: Node): string | undefined {
  if ("ColumnRef" in node) return stringOf(node.ColumnRef.fields?.at(-1));
  if ("FuncCall" in node) return stringOf(node.FuncCall.funcname?.at(-1));
  if ("TypeCast" in node)
    return nameOf(node.TypeCast.arg!) ?? stringOf(node.TypeCast.typeName?.names?.at(-1));
  if ("CollateClause" in node) return nameOf(node.CollateClause.arg!);
  if ("CoalesceExpr" in node) return "coalesce";
  if ("MinMaxExpr" in node) return node.MinMaxExpr.op === "IS_LEAST" ? "least" : "greatest";
  if ("CaseExpr" in node) return (node.CaseExpr.defresult && nameOf(node.CaseExpr.defresult)) ?? "case";
  if ("A_ArrayExpr" in node) return "array";
  if ("SQLValueFunction" in node) return node.SQLValueFunction.op?.replace(/^SVFOP_|_N$/g, "").toLowerCase();
  if ("A_Expr" in node) return node.A_Expr.kind === "AEXPR_NULLIF" ? "nullif" : undefined;
  if ("SubLink" in node) return subqueryName(node.SubLink);
  return undefined;
}

function subqueryName({
  subLinkType,
  subselect,
}: Extract<Node, { SubLink: unknown }>["SubLink"]): string | undefined {
  if (subLinkType === "EXISTS_SUBLINK") return "exists";
  if (subLinkType === "ARRAY_SUBLINK") return "array";
  const target =
    subLinkType === "EXPR_SUBLINK" && subselect && "SelectStmt" in subselect
      ? subselect.SelectStmt.targetList?.[0]
      : undefined;
  if (!target || !("ResTarget" in target)) return undefined;
  return target.ResTarget.name ?? nameOf(target.ResTarget.val!);
}
