import type { OperationStatus, StepStatus } from "@tenantry/contract";
import { type Db, sql } from "../db/index.ts";
import type { RecordedError } from "./failure.ts";

export type ClaimedOperation = {
  id: string;
  kind: string;
  version: number;
  tenantId: string | null;
  environmentId: string | null;
  input: unknown;
  status: OperationStatus;
  error: RecordedError | null;
  internal: boolean;
  fence: number;
  startedAt: Date;
};

export type StepRow = { name: string; status: StepStatus; attempt: number; result: unknown };

export type ClaimRequest = {
  holder: string;
  leaseMs: number;
  /** `kind@version` of every workflow this worker knows. */
  known: readonly string[];
  limit: number;
  /** This operation only. */
  id?: string;
  /** Holders that are known to be gone: their leases don't count. */
  deadHolders?: readonly string[];
};

/** Takes operations that are due and held by nobody, and raises their fence. The longest due come first. */
export async function claimOperations(db: Db, request: ClaimRequest): Promise<ClaimedOperation[]> {
  const { rows } = await sql<ClaimedOperation>`
    with due as (
      select id from operations
      where status in ('queued', 'running', 'waiting', 'cancelling', 'undoing')
        and coalesce(wait_until, created_at) <= statement_timestamp()
        and (lease_until is null or lease_until < clock_timestamp()
          or lease_holder = any(${request.deadHolders ?? []}::text[]))
        and kind || '@' || definition_version = any(${request.known}::text[])
        ${request.id === undefined ? sql`` : sql`and id = ${request.id}`}
      order by coalesce(wait_until, created_at), id
      limit ${request.limit}
      for no key update skip locked
    )
    update operations o set
      fence = o.fence + 1,
      overtaken = case when o.lease_holder is not null and o.lease_holder <> all(${request.deadHolders ?? []}::text[])
        then array_append(o.overtaken, o.lease_holder) else o.overtaken end,
      lease_holder = ${request.holder},
      lease_until = clock_timestamp() + ${request.leaseMs} * interval '1 ms',
      wait_until = null,
      started_at = coalesce(o.started_at, clock_timestamp()),
      status = case when o.status in ('queued', 'waiting') then 'running' else o.status end
    from due where o.id = due.id
    returning o.id, o.kind, o.definition_version as version, o.tenant_id as "tenantId",
      o.environment_id as "environmentId", o.input, o.status, o.error, o.internal, o.fence, o.started_at as "startedAt"
  `.execute(db);
  return rows;
}

/** The steps as they stand. Read after the claim: the claim's own snapshot may be older than its row lock. */
export async function selectSteps(db: Db, operationId: string): Promise<StepRow[]> {
  const { rows } = await sql<StepRow>`
    select name, status, attempt, result from operation_steps where operation_id = ${operationId} order by ordinal
  `.execute(db);
  return rows;
}
