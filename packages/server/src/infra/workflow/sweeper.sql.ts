import { type Db, sql, type Tx } from "../db/index.ts";
import { isHolderFree } from "./lease.sql.ts";

export type SweptResource = {
  id: string;
  kind: string;
  driver: string;
  serverId: string | undefined;
  physicalName: string;
  environmentId: string | undefined;
  detail: Record<string, unknown>;
};

/**
 * Marks what an ended operation left in creation, so that no step takes it over from now on, and answers it, with all
 * that an earlier sweep couldn't remove.
 */
export async function claimAbandoned(
  db: Db,
  removers: readonly string[],
  limit: number,
): Promise<SweptResource[]> {
  const { rows } = await sql<SweptResource & { serverId: string | null; environmentId: string | null }>`
    with abandoned as (
      select r.id from resources r left join operations o on o.id = r.operation_id
      where r.kind || '/' || r.driver = any(${removers}::text[])
        and (r.state = 'removing' or r.state = 'creating'
          and (o.id is null or o.status in ('succeeded', 'failed', 'cancelled')))
      order by r.created_at limit ${limit}
      for update of r skip locked
    )
    update resources r set state = 'removing' from abandoned where r.id = abandoned.id
    returning r.id, r.kind, r.driver, r.server_id as "serverId", r.physical_name as "physicalName",
      r.environment_id as "environmentId", r.detail
  `.execute(db);
  return rows.map((row) => ({
    ...row,
    serverId: row.serverId ?? undefined,
    environmentId: row.environmentId ?? undefined,
  }));
}

/** Spreads resources over the advisory locks; any fixed number does. */
const seed = 7_236_004;

/**
 * Takes a thing in hand until the transaction ends, or our process with it. False: another sweeper has it, or it is gone.
 * A lock on the row itself would be in the way of those who forget rows by their names.
 */
export async function holdSwept(tx: Tx, id: string, holdMs: number): Promise<boolean> {
  const { rows } = await sql<{ held: boolean }>`
    select pg_try_advisory_xact_lock(hashtextextended(${id}, ${seed})) as held,
      set_config('idle_in_transaction_session_timeout', ${String(holdMs)}, true)
  `.execute(tx);
  if (!rows[0]!.held) return false;
  // A statement of its own: the other may have been done with it a moment ago.
  const { rows: still } = await sql`
    select from resources where id = ${id} and state = 'removing'
  `.execute(tx);
  return still.length > 0;
}

/** Whether a worker that was overtaken while it made the thing is still there, and so might make it again. */
export async function mayComeBack(db: Db, id: string): Promise<boolean> {
  const { rows } = await sql`
    select 1 from resources r join operations o on o.id = r.operation_id, unnest(o.overtaken) as holder
    where r.id = ${id} and not ${isHolderFree(sql`holder`)}
  `.execute(db);
  return rows.length > 0;
}

export async function deleteSwept(db: Db | Tx, id: string): Promise<void> {
  await sql`delete from resources where id = ${id} and state = 'removing'`.execute(db);
}
