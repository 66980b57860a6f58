import type { FuncCall, Node } from "@pgsql/types";
import { textOf } from "./casts.ts";
import { unsupported, wrong } from "./refusal.ts";
import type { Scope, Translation, Typed } from "./translation.ts";
import { displayName, isJson, isNumber, type PgType, text } from "./types.ts";

/** A call of a function on its way. */
export type Call = {
  t: Translation;
  scope: Scope;
  node: FuncCall;
  given: readonly Node[];
};

/** An argument; `hint` is the type that a literal or a parameter has there. */
export function argument({ t, scope, given, node }: Call, index: number, hint?: PgType): Typed {
  const argumentNode = given[index];
  if (!argumentNode) throw wrong("42883", `function ${functionNameOf(node)}() takes more arguments`, node);
  return t.expression(scope, argumentNode, hint);
}

export const textArguments = (call: Call): string[] =>
  call.given.map((_, index) => asText(argument(call, index, text), call));

export function asText(value: Typed, { node }: Call): string {
  const plain = textOf(value);
  if (plain === undefined) throw unsupported(`Writing ${displayName(value.type)} as a text`, node);
  return plain;
}

/** A value as a part of JSON. */
export function jsonPart(value: Typed, { node }: Pick<Call, "node">): string {
  const { type, sql } = value;
  if (isJson(type) || type.array) return `json(${sql})`;
  if (type.name === "bool")
    return `json(case when ${sql} is null then 'null' when ${sql} then 'true' else 'false' end)`;
  if (isNumber(type)) return sql;
  if (type.name === "timestamptz")
    return `replace(rtrim(rtrim(substr(${sql}, 1, 26), '0'), '.'), ' ', 'T') || '+00:00'`;
  if (type.name === "timestamp") return `replace(rtrim(rtrim(${sql}, '0'), '.'), ' ', 'T')`;
  const plain = textOf(value);
  if (plain === undefined) throw unsupported(`${displayName(type)} within JSON`, node);
  return plain;
}

/** The name of what is called. Throws for one of another schema. */
export function functionNameOf(node: FuncCall): string {
  const names = (node.funcname ?? []).map((part) => ("String" in part ? (part.String.sval ?? "") : ""));
  if (names.length > 1 && names[0] !== "pg_catalog" && names[0] !== "public") {
    throw unsupported(`The function ${names.join(".")}()`, node);
  }
  return names.at(-1) ?? "";
}
