import type { OperationStatus } from "@tenantry/contract";
import { sql, type Tx } from "../db/index.ts";

export type NewOperation = {
  id: string;
  kind: string;
  version: number;
  tenantId: string | undefined;
  environmentId: string | undefined;
  input: unknown;
  exclusive: boolean;
  internal: boolean;
  requestedBy: string | undefined;
  waitUntil: Date | undefined;
  noReturnOrdinal: number | undefined;
  steps: readonly { name: string; title: string }[];
};

/** Inserts the operation with its steps and wakes workers at commit. False: the environment has an exclusive one. */
export async function insertOperation(tx: Tx, operation: NewOperation): Promise<boolean> {
  const { rows } = await sql`
    with operation as (
      insert into operations (id, kind, definition_version, tenant_id, environment_id, input, status, exclusive,
        internal, requested_by, wait_until, no_return_ordinal)
      values (${operation.id}, ${operation.kind}, ${operation.version}, ${operation.tenantId ?? null},
        ${operation.environmentId ?? null}, ${JSON.stringify(operation.input)}::jsonb,
        ${operation.waitUntil ? "waiting" : "queued"}, ${operation.exclusive}, ${operation.internal},
        ${operation.requestedBy ?? null}, ${operation.waitUntil ?? null},
        ${operation.noReturnOrdinal ?? null})
      on conflict (environment_id) where exclusive and environment_id is not null
        and status not in ('succeeded', 'failed', 'cancelled') do nothing
      returning id
    ), steps as (
      insert into operation_steps (operation_id, ordinal, name, title, status)
      select operation.id, step.position - 1, step.name, step.title, 'pending'
      from operation, unnest(${operation.steps.map(({ name }) => name)}::text[],
        ${operation.steps.map(({ title }) => title)}::text[]) with ordinality as step (name, title, position)
    )
    select pg_notify('tenantry_operation_due', id::text), pg_notify('tenantry_operation', id::text) from operation
  `.execute(tx);
  return rows.length > 0;
}

/** The exclusive operation at work on an environment. */
export async function selectExclusive(
  tx: Tx,
  environmentId: string,
): Promise<{ id: string; status: OperationStatus } | undefined> {
  const { rows } = await sql<{ id: string; status: OperationStatus }>`
    select id, status from operations
    where environment_id = ${environmentId} and exclusive and status not in ('succeeded', 'failed', 'cancelled')
  `.execute(tx);
  return rows[0];
}
