import { type Db, sql, type Tx } from "../../infra/db/index.ts";
import type { Check } from "./domains.sql.ts";

/** Takes domains that are due; whoever takes one has two minutes before it is due again. */
export async function claimDueDomains(
  db: Db,
  limit: number,
): Promise<{ id: string; hostname: string; environmentId: string }[]> {
  const { rows } = await sql<{ id: string; hostname: string; environmentId: string }>`
    update domains set next_check_at = clock_timestamp() + interval '2 minutes' where id in (
      select id from domains where next_check_at <= clock_timestamp()
      order by next_check_at limit ${limit} for update skip locked
    ) returning id, hostname, environment_id as "environmentId"
  `.execute(db);
  return rows;
}

/** What a look found, and when the next one is due; null for never. */
export async function updateCheck(
  tx: Tx,
  id: string,
  found: { check: Check; nextInMs: number | null; restartsWatch: boolean },
): Promise<void> {
  await sql`
    update domains set last_check = ${JSON.stringify(found.check)}::jsonb, checked_at = clock_timestamp(),
      next_check_at = clock_timestamp() + ${found.nextInMs} * interval '1 ms',
      watched_since = case when ${found.restartsWatch} then clock_timestamp() else watched_since end
    where id = ${id}
  `.execute(tx);
}

export async function updateMissingSince(tx: Tx, id: string, isMissing: boolean): Promise<void> {
  await sql`
    update domains set missing_since = case when ${isMissing} then coalesce(missing_since, clock_timestamp()) end
    where id = ${id}
  `.execute(tx);
}

export async function markLapsed(tx: Tx, id: string): Promise<void> {
  await sql`
    update domains set verified_at = null, verified_by = null, missing_since = null where id = ${id}
  `.execute(tx);
}
