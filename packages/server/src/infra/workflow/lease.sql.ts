import type { OperationStatus } from "@tenantry/contract";
import type { RawBuilder } from "kysely";
import { type Db, sql, type Tx } from "../db/index.ts";
import { lazily } from "./fenced-write.ts";

/** Spreads holders over the advisory locks; any fixed number does. */
const seed = 7_236_002;

/** Held by a live worker's own session: when it is free, that session is over. */
export async function lockHolder(db: Db, holder: string): Promise<void> {
  await sql`select pg_advisory_lock(hashtextextended(${holder}, ${seed}))`.execute(db);
}

/** Whether the session of the holder named by a column is over. Another who looks in the same moment may hide it. */
export function isHolderFree(holder: RawBuilder<unknown>): RawBuilder<boolean> {
  return sql`pg_try_advisory_xact_lock(hashtextextended(${holder}, ${seed}))`;
}

/** Holders of open operations whose session is over. */
export async function selectDeadHolders(db: Db, self: string): Promise<string[]> {
  const { rows } = await sql<{ holder: string; free: boolean }>`
    select holder, ${isHolderFree(sql`holder`)} as free
    from (
      select distinct lease_holder as holder from operations
      where status in ('queued', 'running', 'waiting', 'cancelling', 'undoing')
        and lease_holder <> ${self} and lease_until >= clock_timestamp()
    ) as others
  `.execute(db);
  return rows.filter(({ free }) => free).map(({ holder }) => holder);
}

export type Held = { id: string; fence: number };
export type Renewed = { id: string; fence: number; status: OperationStatus; isOvertaken: boolean };

/**
 * Prolongs leases and answers how each operation stands; one with another fence is lost, one without a holder has just
 * been let go of and stays so. A row that is locked is
 * skipped: either a step's own transaction holds it, which nobody can overtake, or someone is taking it over.
 */
export async function renewLeases(
  db: Db,
  holder: string,
  held: readonly Held[],
  leaseMs: number,
): Promise<Renewed[]> {
  const { rows } = await sql<Renewed>`
    with held as (
      select * from unnest(${held.map(({ id }) => id)}::uuid[], ${held.map(({ fence }) => fence)}::bigint[])
        as held (id, fence)
    ), mine as (
      select o.id from operations o join held on held.id = o.id and held.fence = o.fence
      where o.lease_holder = ${holder}
      for no key update of o skip locked
    ), renewed as (
      update operations o set lease_until = clock_timestamp() + ${leaseMs} * interval '1 ms'
      from mine where o.id = mine.id
    )
    select o.id, o.fence, o.status, ${holder} = any(o.overtaken) as "isOvertaken"
    from operations o join held on held.id = o.id
  `.execute(db);
  return rows;
}

/** What a backend calls itself while a step's transaction locks the operation's row: so that a cancel finds it. */
export const stepTransactionName = (operationId: string): string => `tenantry step ${operationId}`;

/**
 * Locks the operation's row while proving that it is still held: nobody can take it over before the commit. A worker
 * that stands still in the middle of the transaction loses it after one lease, and the lock with it.
 */
export async function proveLease(
  tx: Tx,
  { id, fence }: Held,
  { leaseMs, lazy }: { leaseMs: number; lazy: boolean },
): Promise<boolean> {
  const { rows } = await sql`
    select set_config('idle_in_transaction_session_timeout', ${String(leaseMs)}, true),
      set_config('application_name', ${stepTransactionName(id)}, true) ${lazy ? sql`, ${lazily}` : sql``}
    from operations where id = ${id} and fence = ${fence} for no key update
  `.execute(tx);
  return rows.length > 0;
}

export async function selectHeld(db: Db, { id, fence }: Held): Promise<boolean> {
  const { rows } = await sql`
    select 1 from operations where id = ${id} and fence = ${fence} and lease_until >= clock_timestamp()
  `.execute(db);
  return rows.length > 0;
}

/** Within a long transaction: the lease lasts on from its end. */
export async function prolongLease(tx: Tx, { id, fence }: Held, leaseMs: number): Promise<void> {
  await sql`
    update operations set lease_until = clock_timestamp() + ${leaseMs} * interval '1 ms'
    where id = ${id} and fence = ${fence}
  `.execute(tx);
}
