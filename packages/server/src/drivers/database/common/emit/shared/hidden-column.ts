import type { IndexObject } from "../../catalog/catalog.ts";
import { id } from "../quote.ts";

/** The column that says whose row it is, in every table at the level `shared`. */
export const hiddenColumn = "tenantry_environment";

/** What the seal gives: the environment that a transaction works for, as a default, as policies compare with it, and how. */
export type SealText = { contextExpression: string; policyExpression: string; rowCondition: string };

/** `(a, b)` becomes `(tenantry_environment, a, b)`: after the first parenthesis of a definition as PostgreSQL writes it. */
export function withHiddenColumn(definition: string, suffix = ""): string {
  const at = definition.indexOf("(") + 1;
  return `${definition.slice(0, at)}${id(hiddenColumn)}${suffix}, ${definition.slice(at)}`;
}

/** An index as it is where environments share it: only a B-tree has the hidden column, before all others. */
export function sharedIndex(index: IndexObject): IndexObject {
  if (index.method !== "btree") return index;
  const statistics = index.statistics.map(({ column, target }) => ({ column: column + 1, target }));
  return { ...index, definition: withHiddenColumn(index.definition), statistics };
}

/**
 * Whether an index would find a value whoever has it, before any policy is asked: how often it was found is counted in
 * plans and statistics that anybody may read. Only a B-tree can begin with the hidden column wherever it stands.
 */
export const spansEnvironments = (index: IndexObject): boolean => index.method !== "btree" && index.leakproof;
