import { type Db, sql } from "../../../infra/db/index.ts";

/** How full the server's queue of notifications is, from 0 to 1: one queue for all of its databases. */
export async function selectNotificationUsage(db: Db): Promise<number> {
  const { rows } = await sql<{ usage: number }>`
    select pg_notification_queue_usage()::float8 as usage
  `.execute(db);
  return rows[0]!.usage;
}

/**
 * Ends connections of tenants whose transaction has lasted for so long: none of them lets go of what was notified since it
 * began. `roles` is a pattern of names. Only those that we may see and end: on a server of ours, all.
 */
export async function endLongTransactions(
  db: Db,
  { roles, seconds }: { roles: string; seconds: number },
): Promise<string[]> {
  // Materialised: PostgreSQL asks conditions in an order of its own, and ending somebody would be one of them.
  const { rows } = await sql<{ name: string }>`
    with long as materialized (
      select pid, usename from pg_stat_activity
      where usename::text ~ ${roles}::text and xact_start <= clock_timestamp() - make_interval(secs => ${seconds}::float8)
        and (pg_has_role(current_user, usesysid, 'usage') or pg_has_role(current_user, 'pg_signal_backend', 'usage'))
    )
    select usename::text as name, pg_terminate_backend(pid) from long
  `.execute(db);
  return rows.map(({ name }) => name);
}
