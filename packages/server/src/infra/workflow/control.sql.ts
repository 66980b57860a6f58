import type { OperationStatus } from "@tenantry/contract";
import { type Db, isUniqueViolation, sql, type Tx } from "../db/index.ts";

export type ControlRow = {
  status: OperationStatus;
  environmentId: string | null;
  exclusive: boolean;
  /** An operator has to look because undoing failed again and again. */
  stuckOnItsWayBack: boolean;
};

/** Locks the operation: no step of it begins or ends until the transaction does. */
export async function selectForControl(tx: Tx, operationId: string): Promise<ControlRow | undefined> {
  const { rows } = await sql<ControlRow>`
    select status, environment_id as "environmentId", exclusive, status = 'needs_operator' and exists (
      select from operation_steps s where s.operation_id = o.id and s.status = 'undoing'
    ) as "stuckOnItsWayBack"
    from operations o where id = ${operationId} for no key update
  `.execute(tx);
  return rows[0];
}

/** Tells cancels from other advisory locks; any fixed number does. */
const seed = 7_236_003;

/** Until the transaction ends, a worker whose step fails waits before it says how the operation goes on. */
export async function announceCancel(tx: Tx, operationId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${operationId}, ${seed}))`.execute(tx);
}

/**
 * Waits for a cancel that is under way. It waits for the operation's row, which a step held that it has broken off; but
 * of a row that has become free whoever comes first has it, and the cancel would find the operation failed.
 */
export async function awaitCancel(db: Db, operationId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock_shared(hashtextextended(${operationId}, ${seed}))`.execute(db);
}

/**
 * Whether the step from which there is no way back has begun. A statement of its own, after the lock: the snapshot of
 * the one that waited for the lock may be older than a step that began meanwhile.
 */
export async function isPastReturn(db: Db | Tx, operationId: string): Promise<boolean> {
  const { rows } = await sql`
    select 1 from operations o join operation_steps s on s.operation_id = o.id and s.ordinal = o.no_return_ordinal
    where o.id = ${operationId} and s.status <> 'pending'
  `.execute(db);
  return rows.length > 0;
}

/** Turns it back. Whoever holds it hears of it; if nobody does, a worker takes it up to undo what was done. */
export async function updateCancelling(tx: Tx, operationId: string): Promise<void> {
  await sql`
    with operation as (
      update operations set status = 'cancelling', wait_until = null, error = null where id = ${operationId}
      returning id
    ), stuck as (
      update operation_steps s set attempt = 0
      from operation where s.operation_id = operation.id and s.status = 'undoing'
    )
    select pg_notify('tenantry_operation_due', id::text), pg_notify('tenantry_operation', id::text) from operation
  `.execute(tx);
}

/**
 * Goes on undoing where that got stuck, with as many attempts as in the beginning. What an operation was turned back
 * for is its error: none when it was cancelled.
 */
export async function updateGoingBackAgain(tx: Tx, operationId: string): Promise<void> {
  await sql`
    with operation as (
      update operations set status = case when error is null then 'cancelling' else 'undoing' end, wait_until = null
      where id = ${operationId} returning id
    ), stuck as (
      update operation_steps s set attempt = 0
      from operation where s.operation_id = operation.id and s.status = 'undoing'
    )
    select pg_notify('tenantry_operation_due', id::text), pg_notify('tenantry_operation', id::text) from operation
  `.execute(tx);
}

/** Starts it forward again from the first step that isn't done, one that had ended from its beginning. False: its environment has another exclusive one. */
export async function updateQueuedAgain(tx: Tx, operationId: string): Promise<boolean> {
  await sql`savepoint retry`.execute(tx);
  try {
    await queueAgain(tx, operationId);
    return true;
  } catch (error) {
    if (!isUniqueViolation(error, "operations_one_exclusive")) throw error;
    await sql`rollback to savepoint retry`.execute(tx);
    return false;
  }
}

async function queueAgain(tx: Tx, operationId: string): Promise<void> {
  await sql`
    with before as (
      select id, status = 'needs_operator' as goes_on from operations where id = ${operationId}
    ), operation as (
      update operations o set status = 'queued', wait_until = null, error = null, ended_at = null, message = null,
        progress = case when before.goes_on then (
          select count(*) filter (where status = 'done')::real / greatest(count(*), 1)
          from operation_steps where operation_id = before.id
        ) else 0 end
      from before where o.id = before.id returning o.id, before.goes_on
    ), steps as (
      update operation_steps s set status = 'pending', attempt = 0, result = null, error = null,
        started_at = null, ended_at = null
      from operation where s.operation_id = operation.id and (s.status <> 'done' or not operation.goes_on)
    )
    select pg_notify('tenantry_operation_due', id::text), pg_notify('tenantry_operation', id::text) from operation
  `.execute(tx);
}

export type OpenOperation = { tenantId: string; kind: string };

/**
 * Ends an operation as cancelled in this very transaction, without undoing anything and without its last word: whoever
 * holds it has lost it. For one that has done nothing yet but wait. Undefined when there is none on its way forward.
 */
export async function abandonOperation(tx: Tx, open: OpenOperation): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`
    with operation as (
      update operations set status = 'cancelled', fence = fence + 1, lease_holder = null, lease_until = null,
        wait_until = null, ended_at = clock_timestamp(), message = null
      where tenant_id = ${open.tenantId} and kind = ${open.kind} and status in ('queued', 'running', 'waiting')
      returning id
    ), stopped as (
      update operation_steps s set status = 'undone', ended_at = clock_timestamp()
      from operation o where s.operation_id = o.id and s.status = 'running'
    )
    select id, pg_notify('tenantry_operation_due', id::text), pg_notify('tenantry_operation', id::text) from operation
  `.execute(tx);
  return rows[0]?.id;
}

/** The operation of that kind that a tenant has on its way forward, if any. */
export async function selectOpenOperation(tx: Tx, open: OpenOperation): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`
    select id from operations
    where tenant_id = ${open.tenantId} and kind = ${open.kind}
      and status in ('queued', 'running', 'waiting', 'needs_operator')
  `.execute(tx);
  return rows[0]?.id;
}

/** Ends an operation's waiting, also one that its step at hand is about to ask for: it goes on at once. */
export async function hastenOperation(tx: Tx, operationId: string): Promise<void> {
  await sql`
    with operation as (
      update operations set wait_until = clock_timestamp()
      where id = ${operationId} and status in ('waiting', 'running') returning id
    )
    select pg_notify('tenantry_operation_due', id::text) from operation
  `.execute(tx);
}
