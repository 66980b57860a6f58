import { id } from "../quote.ts";

/** The column that says whose row it is, in every table at the level `shared`. */
export const hiddenColumn = "tenantry_environment";

/** What the seal gives: the environment that a transaction works for, as a default and as policies compare with it. */
export type SealText = { contextExpression: string; policyExpression: string };

/** `(a, b)` becomes `(tenantry_environment, a, b)`: after the first parenthesis of a definition as PostgreSQL writes it. */
export function withHiddenColumn(definition: string, suffix = ""): string {
  const at = definition.indexOf("(") + 1;
  return `${definition.slice(0, at)}${id(hiddenColumn)}${suffix}, ${definition.slice(at)}`;
}
