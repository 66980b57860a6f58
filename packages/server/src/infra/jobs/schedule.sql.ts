import { type Db, sql } from "../db/index.ts";

/** Moves the date of a job that is due (or new). Answers whether this call did, and how long it is to the next date. */
export async function claimDueJob(
  db: Db,
  name: string,
  everyMs: number,
): Promise<{ isOurs: boolean; nextInMs: number }> {
  const { rows } = await sql<{ isOurs: boolean; nextInMs: number }>`
    with claimed as (
      insert into schedules as s (name, due_at) values (${name}, clock_timestamp() + ${everyMs} * interval '1 ms')
      on conflict (name) do update set due_at = excluded.due_at where s.due_at <= clock_timestamp()
      returning due_at
    )
    select true as "isOurs", ${everyMs}::float8 as "nextInMs" from claimed
    union all
    select false, greatest(extract(epoch from due_at - clock_timestamp())::float8 * 1000, 0) from schedules
    where name = ${name} and not exists (select 1 from claimed)
  `.execute(db);
  // Between the snapshot and the conflict another node may have written the very first date.
  return rows[0] ?? { isOurs: false, nextInMs: everyMs };
}
