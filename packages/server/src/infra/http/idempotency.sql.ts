import { type Db, sql } from "../db/index.ts";
import type { StoredReply } from "./idempotency.ts";

/**
 * Takes a key that is new, a day old, or whose holder vanished two minutes ago; undefined when it is someone's. The
 * moment of the claim is its token: whoever was overtaken can neither finish nor release it.
 */
export async function claimKey(
  db: Db,
  principal: string,
  key: string,
  requestHash: Buffer,
): Promise<string | undefined> {
  const { rows } = await sql<{ token: string }>`
    insert into idempotency_keys as held (principal, key, request_hash)
    values (${principal}, ${key}, ${requestHash})
    on conflict (principal, key) do update
      set request_hash = excluded.request_hash, status = null, headers = null, body = null,
        created_at = clock_timestamp()
      where held.created_at < clock_timestamp() - interval '24 hours'
        or (held.status is null and held.request_hash = excluded.request_hash
          and held.created_at < clock_timestamp() - interval '2 minutes')
    returning extract(epoch from created_at)::text as token
  `.execute(db);
  return rows[0]?.token;
}

type KnownKey = {
  request_hash: Buffer;
  status: number | null;
  headers: Record<string, string> | null;
  body: string | null;
};

export async function findKey(db: Db, principal: string, key: string): Promise<KnownKey | undefined> {
  const { rows } = await sql<KnownKey>`
    select request_hash, status, headers, body from idempotency_keys
    where principal = ${principal} and key = ${key}
  `.execute(db);
  return rows[0];
}

export async function finishKey(
  db: Db,
  principal: string,
  key: string,
  token: string,
  reply: StoredReply,
): Promise<void> {
  await sql`
    update idempotency_keys
    set status = ${reply.status}, headers = ${JSON.stringify(reply.headers)}::jsonb, body = ${reply.body}
    where principal = ${principal} and key = ${key} and extract(epoch from created_at) = ${token}::numeric
  `.execute(db);
}

export async function releaseKey(db: Db, principal: string, key: string, token: string): Promise<void> {
  await sql`
    delete from idempotency_keys
    where principal = ${principal} and key = ${key} and extract(epoch from created_at) = ${token}::numeric
      and status is null
  `.execute(db);
}

/** Takes away keys that are a day old, at most `limit`. */
export async function deleteOldKeys(db: Db, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from idempotency_keys where (principal, key) in (
      select principal, key from idempotency_keys
      where created_at < clock_timestamp() - interval '24 hours' order by created_at limit ${limit}
    )
  `.execute(db);
  return Number(numAffectedRows ?? 0);
}
