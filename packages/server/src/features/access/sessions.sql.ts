import { type Db, sql, type Tx } from "../../infra/db/index.ts";
import type { UserRow } from "./users.sql.ts";

export type NewSession = {
  id: string;
  tokenHash: Buffer;
  userId: string;
  environmentId: string;
  createdAt: Date;
  expiresAt: Date;
  address: string | undefined;
  userAgent: string | undefined;
};

/**
 * Opens a session for a user who is still active, and whose password and proof of address are still those that were just
 * checked; false when that changed meanwhile.
 */
export async function insertSession(
  tx: Tx,
  session: NewSession,
  checked: { passwordHash: string; emailVerifiedAt: Date | null },
): Promise<boolean> {
  const { rows } = await sql`
    insert into sessions (id, token_hash, user_id, tenant_id, environment_id, created_at, seen_at, expires_at, address,
      user_agent)
    select ${session.id}, ${session.tokenHash}, u.id, u.tenant_id, ${session.environmentId}, ${session.createdAt},
      ${session.createdAt}, ${session.expiresAt}, ${session.address ?? null}, ${session.userAgent ?? null}
    from users u
    where u.id = ${session.userId} and u.status = 'active' and u.password_hash = ${checked.passwordHash}
      and (u.email_verified_at is not null or ${checked.emailVerifiedAt === null}::boolean)
    for update
    returning id
  `.execute(tx);
  return rows.length === 1;
}

export async function markLogin(tx: Tx, userId: string, at: Date): Promise<void> {
  await sql`update users set last_login_at = ${at} where id = ${userId}`.execute(tx);
}

export type SessionRow = Pick<UserRow, "email" | "name" | "role" | "emailVerifiedAt"> & {
  userId: string;
  createdAt: Date;
  seenAt: Date;
  expiresAt: Date;
};

/**
 * The session behind a token, if it was opened in this environment, hasn't ended, and its user and tenant are active.
 */
export async function selectSession(
  db: Db,
  session: { tokenHash: Buffer; environmentId: string; now: Date },
): Promise<SessionRow | undefined> {
  const { rows } = await sql<SessionRow>`
    select u.id as "userId", u.email, u.name, u.role, u.email_verified_at as "emailVerifiedAt",
      s.created_at as "createdAt", s.seen_at as "seenAt", s.expires_at as "expiresAt"
    from sessions s
      join users u on u.id = s.user_id and u.status = 'active'
      join tenants t on t.id = s.tenant_id and t.status = 'active'
    where s.token_hash = ${session.tokenHash} and s.environment_id = ${session.environmentId}
      and s.expires_at > ${session.now}
  `.execute(db);
  return rows[0];
}

/** Whose session it is that somebody has in another tenant than its user's; undefined when there is no such session. */
export async function selectForeignSession(
  db: Db,
  session: { tokenHash: Buffer; tenantId: string; now: Date },
): Promise<{ userId: string; tenantId: string; internal: boolean } | undefined> {
  const { rows } = await sql<{ userId: string; tenantId: string; internal: boolean }>`
    select s.user_id as "userId", s.tenant_id as "tenantId", t.internal
    from sessions s join tenants t on t.id = s.tenant_id
    where s.token_hash = ${session.tokenHash} and s.tenant_id <> ${session.tenantId} and s.expires_at > ${session.now}
  `.execute(db);
  return rows[0];
}

export async function extendSession(
  db: Db,
  session: { tokenHash: Buffer; seenAt: Date; expiresAt: Date },
): Promise<void> {
  await sql`
    update sessions set seen_at = ${session.seenAt}, expires_at = ${session.expiresAt}
    where token_hash = ${session.tokenHash} and seen_at < ${session.seenAt}
  `.execute(db);
}

export async function deleteSession(
  db: Db,
  session: { tokenHash: Buffer; environmentId: string },
): Promise<string | undefined> {
  const { rows } = await sql<{ userId: string }>`
    delete from sessions where token_hash = ${session.tokenHash} and environment_id = ${session.environmentId}
    returning user_id as "userId"
  `.execute(db);
  return rows[0]?.userId;
}

export async function deleteSessionsOfUser(tx: Tx, userId: string): Promise<number> {
  const { rows } = await sql`delete from sessions where user_id = ${userId} returning id`.execute(tx);
  return rows.length;
}

export async function deleteSessionsOfTenant(tx: Tx, tenantId: string): Promise<number> {
  const { rows } = await sql`delete from sessions where tenant_id = ${tenantId} returning id`.execute(tx);
  return rows.length;
}

/** Takes away a user's oldest sessions beyond `keep`. */
export async function deleteSurplusSessions(tx: Tx, userId: string, keep: number): Promise<void> {
  await sql`
    delete from sessions where id in (
      select id from sessions where user_id = ${userId} order by created_at desc, id desc offset ${keep}
    )
  `.execute(tx);
}

/** Takes away sessions that ended, at most `limit`. */
export async function deleteEndedSessions(db: Db, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from sessions where id in (
      select id from sessions where expires_at <= now() order by expires_at limit ${limit}
    )
  `.execute(db);
  return Number(numAffectedRows ?? 0);
}
