import type { Column, PolicyObject, TableObject } from "../../catalog/catalog.ts";
import { firstPolicy } from "../../seal/index.ts";
import { tableProperties } from "../objects.ts";
import { id, reference } from "../quote.ts";
import { columnDefinition, createTable } from "../table.ts";
import { counterDefault } from "./counters.ts";
import { hiddenColumn, type SealText } from "./hidden-column.ts";

/** A table with the hidden column, of which each transaction sees the rows of its environment. */
export function sharedTable(table: TableObject, seal: SealText): string[] {
  const columns = [
    ...table.columns.map((column) => columnDefinition({ ...column, identity: undefined })),
    `${id(hiddenColumn)} uuid default ${seal.contextExpression} not null`,
  ];
  return [createTable(table, columns), ...identityDefaults(table), ...tableProperties(table)];
}

const isCounted = (column: Column): column is Column & { identity: NonNullable<Column["identity"]> } =>
  column.identity !== undefined;

function identityDefaults(table: TableObject): string[] {
  return table.columns.filter(isCounted).map(({ name, identity }) => {
    const next = counterDefault(identity.sequence);
    return `alter table only ${reference(table)} alter column ${id(name)} set default ${next}`;
  });
}

/**
 * Closes a table to whoever hasn't entered an environment. A partition is sealed by itself, since it can be addressed by
 * itself. Comes after foreign keys: PostgreSQL checks a new one by a query that would have to enter first.
 */
export function sealTable(table: TableObject, { rowCondition, policyExpression }: SealText): string[] {
  const name = reference(table);
  const own = `${id(hiddenColumn)} = ${policyExpression}`;
  // Policies of the application's own widen nothing: both have to allow a row then.
  const policy = table.rowSecurity === "off" ? "tenantry" : firstPolicy;
  const kind = table.rowSecurity === "off" ? "permissive" : "restrictive";
  return [
    `alter table ${name} enable row level security, force row level security`,
    `create policy ${id(policy)} on ${name} as ${kind} using (${rowCondition}) with check (${own})`,
  ];
}

/** Takes the seal's policy from a table that gets it anew, whichever kind it was. */
export const unsealTable = (table: TableObject): string[] =>
  ["tenantry", firstPolicy].map((policy) => `drop policy if exists ${id(policy)} on ${reference(table)}`);

/** Whether a policy of the application has any effect. */
export function policyIsInForce(policy: PolicyObject, tables: readonly TableObject[]): boolean {
  const table = tables.find(
    ({ schema, name }) => schema === policy.table.schema && name === policy.table.name,
  );
  return table !== undefined && table.rowSecurity !== "off";
}
