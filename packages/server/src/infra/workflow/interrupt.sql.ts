import { type Db, sql } from "../db/index.ts";
import { stepTransactionName } from "./lease.sql.ts";

/**
 * Breaks off the transaction that a running step is in the middle of, if it is in one and somebody waits for it (before,
 * the worker would be the first to say how the operation goes on): its statement is cancelled, and
 * a worker that stands still between two statements loses its connection. Past the point of no return nothing is broken
 * off, since then the operation can't be turned back.
 */
export async function breakOffTransaction(db: Db, operationId: string): Promise<void> {
  await sql`
    select case when a.state = 'active' then pg_cancel_backend(a.pid) else pg_terminate_backend(a.pid) end
    from operations o join pg_stat_activity a on a.application_name = ${stepTransactionName(operationId)}
    where o.id = ${operationId} and o.status = 'running'
      and a.datname = current_database() and pg_has_role(a.usesysid, 'usage')
      and (a.state = 'active' or a.state_change < clock_timestamp() - interval '500 ms')
      and exists (select from pg_locks w where not w.granted and a.pid = any(pg_blocking_pids(w.pid)))
      and not exists (
        select from operation_steps s
        where s.operation_id = o.id and s.ordinal = o.no_return_ordinal and s.status <> 'pending')
  `.execute(db);
}
