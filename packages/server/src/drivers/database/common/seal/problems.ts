import type { ClientBase } from "pg";

/** Runs a query whose rows are sentences. */
export async function selectSentences(
  client: ClientBase,
  text: string,
  values: unknown[] = [],
): Promise<string[]> {
  const { rows } = await client.query<{ problem: string }>(text, values);
  return rows.map((row) => row.problem).sort();
}

/** Schemas whose contents aren't an application's. */
export const systemSchemas =
  "('pg_catalog', 'information_schema', 'pg_toast', 'tenantry', 'tenantry_ledger')";
