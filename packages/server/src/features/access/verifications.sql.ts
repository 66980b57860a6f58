import { type Db, sql, type Tx } from "../../infra/db/index.ts";

export type VerificationRow = {
  userId: string;
  tenantId: string;
  email: string;
  tokenHash: Buffer;
  createdAt: Date;
  expiresAt: Date;
};

/** The newest takes the place of the one before. */
export async function upsertVerification(tx: Tx, row: VerificationRow): Promise<void> {
  await sql`
    insert into email_verifications (user_id, tenant_id, email, token_hash, created_at, expires_at)
    values (${row.userId}, ${row.tenantId}, ${row.email}, ${row.tokenHash}, ${row.createdAt}, ${row.expiresAt})
    on conflict (user_id) do update set email = excluded.email, token_hash = excluded.token_hash,
      created_at = excluded.created_at, expires_at = excluded.expires_at
  `.execute(tx);
}

/** Whose address a token proves in this tenant, if it is good now. */
export async function selectVerification(
  db: Db | Tx,
  token: { tokenHash: Buffer; tenantId: string; now: Date },
): Promise<{ userId: string; email: string } | undefined> {
  const { rows } = await sql<{ userId: string; email: string }>`
    select user_id as "userId", email from email_verifications
    where token_hash = ${token.tokenHash} and tenant_id = ${token.tenantId} and expires_at > ${token.now}
  `.execute(db);
  return rows[0];
}

/** Whose token it is that somebody has in another tenant than its user's; undefined when there is no such token. */
export async function selectForeignVerification(
  db: Db,
  token: { tokenHash: Buffer; tenantId: string; now: Date },
): Promise<{ userId: string; tenantId: string; internal: boolean } | undefined> {
  const { rows } = await sql<{ userId: string; tenantId: string; internal: boolean }>`
    select v.user_id as "userId", v.tenant_id as "tenantId", t.internal
    from email_verifications v join tenants t on t.id = v.tenant_id
    where v.token_hash = ${token.tokenHash} and v.tenant_id <> ${token.tenantId} and v.expires_at > ${token.now}
  `.execute(db);
  return rows[0];
}

export async function deleteVerification(tx: Tx, userId: string): Promise<void> {
  await sql`delete from email_verifications where user_id = ${userId}`.execute(tx);
}

/** Takes away tokens that aren't good any more, at most `limit`. */
export async function deleteExpiredVerifications(db: Db, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from email_verifications where user_id in (
      select user_id from email_verifications where expires_at <= now() order by expires_at limit ${limit}
    )
  `.execute(db);
  return Number(numAffectedRows ?? 0);
}
