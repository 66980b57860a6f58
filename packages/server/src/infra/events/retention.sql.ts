import { type Db, sql } from "../db/index.ts";

/**
 * Takes away the oldest events, at most `limit`, up to the first that is younger than `days`: what is kept has no gap,
 * so that its oldest version tells who missed something.
 */
export async function deleteOldEvents(db: Db, days: number, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    with oldest as (
      select id, version, occurred_at < now() - ${days} * interval '1 day' as is_old
      from events order by version, ordinal limit ${limit}
    )
    delete from events using oldest
    where events.id = oldest.id
      and oldest.version < coalesce((select min(version) from oldest where not is_old), oldest.version + 1)
  `.execute(db);
  return Number(numAffectedRows ?? 0);
}
