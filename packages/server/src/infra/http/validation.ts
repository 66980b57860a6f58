import type { FastifySchemaCompiler } from "fastify";
import type { z } from "zod";
import { echo, type FieldError, failure, harmless, type TenantryError } from "../../kernel/index.ts";

type Issue = z.core.$ZodIssue;
export type RequestPart = "body" | "querystring" | "params" | "headers";

const mostErrors = 20;

/** Checks a part of a request against its zod schema; a mistake is a 422 that names every field that has one. */
export const validate: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  const part = (httpPart ?? "body") as RequestPart;
  return (data) => {
    const result = schema.safeParse(data ?? undefined, { error: wordingOfMistakes });
    return result.success ? { value: result.data } : { error: invalidRequest(part, result.error.issues) };
  };
};

export function invalidRequest(part: RequestPart, issues: readonly Issue[]): TenantryError {
  const errors = issues.flatMap((issue) => fieldErrors(part, issue));
  const first = errors[0]!;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
  return failure("invalid_request", {
    detail: `${first.pointer === "" ? "The body" : first.pointer}: ${first.message}${more}`,
    errors: errors.slice(0, mostErrors),
  });
}

function fieldErrors(part: RequestPart, issue: Issue, before: readonly PropertyKey[] = []): FieldError[] {
  const path = [...before, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      pointer: pointerTo(part, [...path, key]),
      message: `${echo(key)} isn't known here.`,
    }));
  }
  // Of a union's branches the one that got furthest says best what was meant.
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    const branch = issue.errors.toSorted((a, b) => depth(b) - depth(a))[0]!;
    if (depth(branch) > 0) return branch.flatMap((inner) => fieldErrors(part, inner, path));
  }
  return [{ pointer: pointerTo(part, path), message: issue.message }];
}

function depth(issues: readonly Issue[]): number {
  return Math.max(0, ...issues.map((issue) => issue.path.length));
}

/** `/admin/email` in a body, `?limit` in a query, `tenant` for a part of the path, a header by its name. */
export function pointerTo(part: RequestPart, path: readonly PropertyKey[]): string {
  if (part === "body") return path.map(pointerPart).join("");
  const name = harmless(String(path[0]), 80);
  return part === "querystring" ? `?${name}` : name;
}

/** One part of a JSON pointer (RFC 6901). */
function pointerPart(part: PropertyKey): string {
  return `/${harmless(String(part).replaceAll("~", "~0").replaceAll("/", "~1"), 80)}`;
}

/** Sentences for the commonest mistakes; a schema's own text goes before them, zod's stands for the rest. */
export const wordingOfMistakes: z.core.$ZodErrorMap = (issue) => {
  if (issue.code === "invalid_type") {
    return issue.input === undefined ? "This is needed." : `This has to be ${noun(issue.expected)}.`;
  }
  if (issue.code === "too_big") return `At most ${issue.maximum}${unit(issue.origin)}.`;
  if (issue.code === "too_small") {
    return issue.minimum === 1 && issue.origin === "string"
      ? "This can't be empty."
      : `At least ${issue.minimum}${unit(issue.origin)}.`;
  }
  if (issue.code === "invalid_value") return `One of ${issue.values.map(String).join(", ")}.`;
  return undefined;
};

function noun(expected: string): string {
  if (expected === "string") return "text";
  if (expected === "int") return "a whole number";
  if (expected === "boolean") return "true or false";
  if (expected === "array") return "a list";
  return expected === "object" ? "an object" : `a ${expected}`;
}

function unit(origin: string): string {
  if (origin === "string") return " characters";
  return origin === "array" || origin === "set" ? " entries" : "";
}
