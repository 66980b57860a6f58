import type { OperationStatus } from "@tenantry/contract";
import { type Db, sql, type Tx } from "../../infra/db/index.ts";

/** When something last happened in the operation `o`: a step began or ended, a wait was over. */
export const lastSignOfLife = sql`
  greatest(o.created_at, o.wait_until, (
    select max(greatest(s.started_at, s.ended_at)) from operation_steps s where s.operation_id = o.id
  ))`;

/** Of those at work, `o`: since when nothing has happened, once that was told. */
export const stuckSince = sql`
  case when o.status in ('queued', 'running', 'waiting', 'cancelling', 'undoing')
    and o.stuck_told_at is not null and o.stuck_told_at > ${lastSignOfLife} then ${lastSignOfLife} end`;

export type StuckOperation = {
  id: string;
  kind: string;
  status: OperationStatus;
  tenantId: string | null;
  environmentId: string | null;
  since: Date;
};

/** Marks operations in which nothing has happened for that long, each once until something does, and answers them. */
export async function markStuck(tx: Tx, afterMinutes: number, limit: number): Promise<StuckOperation[]> {
  const { rows } = await sql<StuckOperation>`
    with stuck as (
      select o.id, ${lastSignOfLife} as since from operations o
      where o.status in ('queued', 'running', 'waiting', 'cancelling', 'undoing')
        -- By index first: of the many that wait for next month nothing more is looked at.
        and coalesce(o.wait_until, o.created_at) < clock_timestamp() - ${afterMinutes} * interval '1 minute'
        and ${lastSignOfLife} < clock_timestamp() - ${afterMinutes} * interval '1 minute'
        and (o.stuck_told_at is null or o.stuck_told_at < ${lastSignOfLife})
      order by o.id limit ${limit}
      for no key update of o skip locked
    )
    update operations o set stuck_told_at = clock_timestamp() from stuck where o.id = stuck.id
    returning o.id, o.kind, o.status, o.tenant_id as "tenantId", o.environment_id as "environmentId", stuck.since
  `.execute(tx);
  return rows;
}

export type OperationCounts = {
  open: { status: string; count: number }[];
  stuck: number;
  failedLately: number;
};

/** How operations stand, and how many failed within the last day; the platform's own among them. */
export async function countOperations(db: Db): Promise<OperationCounts> {
  const { rows: open } = await sql<{ status: string; count: number; stuck: number }>`
    select o.status, count(*) as count, count(${stuckSince}) as stuck from operations o
    where o.status in ('queued', 'running', 'waiting', 'cancelling', 'undoing') group by o.status
    union all
    select status, count(*), 0 from operations where status = 'needs_operator' group by status
  `.execute(db);
  const { rows } = await sql<{ failed: number }>`
    select count(*) as failed from operations
    where status = 'failed' and not internal and ended_at > now() - interval '1 day'
  `.execute(db);
  const stuck = open.reduce((sum, row) => sum + row.stuck, 0);
  return { open: open.map(({ status, count }) => ({ status, count })), stuck, failedLately: rows[0]!.failed };
}
