import type { Session } from "../../common/session.ts";

/**
 * Ends logins that were given out whose transaction in this database has lasted for so long: one tenant's program could
 * keep all others from being migrated for as long as it likes. On given servers we don't see how long theirs last.
 * Answers how many.
 */
export async function endLongLogins(session: Session, database: string, longestMs: number): Promise<number> {
  // Materialised: PostgreSQL asks conditions in an order of its own, and ending somebody would be one of them.
  const ended = await session.read(
    `with long as materialized (
       select pid from pg_stat_activity where datname = $1 and usename::text ~ '^tnl_'
         and xact_start < clock_timestamp() - $2::float8 * interval '1 ms'
     )
     select pg_terminate_backend(pid) from long`,
    [database, longestMs],
  );
  return ended.length;
}
