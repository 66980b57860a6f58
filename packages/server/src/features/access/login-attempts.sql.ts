import { type Db, sql } from "../../infra/db/index.ts";

export type AttemptRules = {
  /** Failures that cost nothing. */
  free: number;
  /** The longest wait, in seconds. It doubles from one second with each failure beyond the free ones. */
  longestWaitSeconds: number;
  /** Seconds of quiet after which failures are forgotten. */
  forgetAfterSeconds: number;
};

/**
 * Counts an attempt as failed before the password is looked at, so that a thousand sent at once can't all be tried:
 * they queue on the row, and most find it blocked. False when the key is blocked; then nothing is counted.
 */
export async function countAttempt(db: Db, key: string, now: Date, rules: AttemptRules): Promise<boolean> {
  const failures = sql`
    case when a.updated_at < ${now}::timestamptz - ${rules.forgetAfterSeconds} * interval '1 second' then 1
      else a.failures + 1 end
  `;
  const { rows } = await sql`
    insert into login_attempts as a (key, failures, updated_at) values (${key}, 1, ${now})
    on conflict (key) do update set
      failures = ${failures},
      blocked_until = case when ${failures} > ${rules.free} then ${now}::timestamptz
        + least(2 ^ least(${failures} - ${rules.free} - 1, 30), ${rules.longestWaitSeconds}) * interval '1 second' end,
      updated_at = ${now}
    where a.blocked_until is null or a.blocked_until <= ${now}
    returning key
  `.execute(db);
  return rows.length === 1;
}

/** When the key may be tried again; undefined when it may now. */
export async function selectBlockedUntil(db: Db, key: string): Promise<Date | undefined> {
  const { rows } = await sql<{ blockedUntil: Date | null }>`
    select blocked_until as "blockedUntil" from login_attempts where key = ${key}
  `.execute(db);
  return rows[0]?.blockedUntil ?? undefined;
}

/** The attempt succeeded: the account's count starts anew. */
export async function forgetAttempts(db: Db, key: string): Promise<void> {
  await sql`delete from login_attempts where key = ${key}`.execute(db);
}

/** The attempt succeeded: it isn't held against the address. Earlier failures stay, or one good account would wash them. */
export async function uncountAttempt(db: Db, key: string): Promise<void> {
  await sql`
    update login_attempts set failures = greatest(failures - 1, 0), blocked_until = null where key = ${key}
  `.execute(db);
}

/** Takes away counts of attempts to log in that nobody added to for a day, at most `limit`. No wait lasts that long. */
export async function deleteStaleAttempts(db: Db, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from login_attempts where key in (
      select key from login_attempts where updated_at < now() - interval '1 day' order by updated_at limit ${limit}
    )
  `.execute(db);
  return Number(numAffectedRows ?? 0);
}
