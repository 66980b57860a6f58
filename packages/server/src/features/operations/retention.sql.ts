import { type Db, sql } from "../../infra/db/index.ts";

/**
 * Takes away operations that ended more than `days` ago, at most `limit`, with their steps. Those that left something
 * behind stay until it is swept, since the sweep asks them who might still be at work on it.
 */
export async function deleteEndedOperations(
  db: Db,
  { internal, days }: { internal: boolean; days: number },
  limit: number,
): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from operations where id in (
      select o.id from operations o
      where o.internal = ${internal} and o.ended_at < now() - ${days} * interval '1 day'
        and o.status in ('succeeded', 'failed', 'cancelled')
        and not exists (
          select from resources r where r.operation_id = o.id and r.state in ('creating', 'removing')
        )
      order by o.ended_at limit ${limit}
      for update of o skip locked
    )
  `.execute(db);
  return Number(numAffectedRows ?? 0);
}
