import pg from "pg";
import type { Session } from "../common/session.ts";

const text = pg.escapeLiteral;

/** As tokens name an environment. */
const inToken = (environmentId: string): string => environmentId.replaceAll("-", "").toLowerCase();

/** So long is a process without news of where its environment lives kept out. */
const keptDays = 7;

/** The seal's list of environments that nobody enters any more; it is short, since every entry looks at it. */
const writeList = `
    update tenantry.secret set closed = (select array_agg(environment order by environment) from tenantry.closed)`;

/** From the commit on no token opens the environment. */
export async function insertClosed(inside: Session, environmentId: string): Promise<void> {
  const environment = text(inToken(environmentId));
  await inside.change(`
    lock table tenantry.closed in share row exclusive mode;
    delete from tenantry.closed where since < clock_timestamp() - interval '${keptDays} days';
    insert into tenantry.closed values (${environment}, clock_timestamp())
      on conflict (environment) do update set since = excluded.since;
    ${writeList}`);
}

export async function deleteClosed(inside: Session, environmentId: string): Promise<void> {
  await inside.change(`
    lock table tenantry.closed in share row exclusive mode;
    delete from tenantry.closed where environment = ${text(inToken(environmentId))};
    ${writeList}`);
}

export async function selectNow(inside: Session): Promise<string> {
  const [row] = await inside.read<{ now: string }>("select clock_timestamp()::text as now");
  return row!.now;
}

const earlierTransactions = `
  from pg_stat_activity where datname = current_database() and usename = $1 and pid <> pg_backend_pid()
    and xact_start < $2::timestamptz`;

/** Whether a transaction of a role is under way that began before a moment. */
export async function hasEarlierTransactions(
  inside: Session,
  role: string,
  moment: string,
): Promise<boolean> {
  const rows = await inside.read(`select ${earlierTransactions} limit 1`, [role, moment]);
  return rows.length > 0;
}

export async function terminateEarlierTransactions(
  inside: Session,
  role: string,
  moment: string,
): Promise<void> {
  await inside.change(`select pg_terminate_backend(pid, 5000) ${earlierTransactions}`, [role, moment]);
}
