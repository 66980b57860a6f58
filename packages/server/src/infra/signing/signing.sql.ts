import type { JsonWebKeyWithId } from "@tenantry/contract";
import { type Db, sql, type Tx } from "../db/index.ts";

export type SigningKeyRow = { kid: string; publicJwk: JsonWebKeyWithId; privateSecret: Buffer };

/** One at a time may look for a key and make one. */
export async function lockSigningKeys(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(7236002)`.execute(tx);
}

/** The key to sign with: the newest that is not retired. */
export async function selectSigningKey(db: Db | Tx): Promise<SigningKeyRow | undefined> {
  const { rows } = await sql<SigningKeyRow>`
    select kid, public_jwk as "publicJwk", private_secret as "privateSecret" from signing_keys
    where retired_at is null order by created_at desc, kid limit 1
  `.execute(db);
  return rows[0];
}

export async function insertSigningKey(tx: Tx, row: SigningKeyRow): Promise<void> {
  await sql`
    insert into signing_keys (kid, public_jwk, private_secret)
    values (${row.kid}, ${JSON.stringify(row.publicJwk)}, ${row.privateSecret})
  `.execute(tx);
}

/** The keys that tokens may still be signed with: a retired one counts for an hour more. */
export async function selectPublicKeys(db: Db): Promise<JsonWebKeyWithId[]> {
  const { rows } = await sql<{ publicJwk: JsonWebKeyWithId }>`
    select public_jwk as "publicJwk" from signing_keys
    where retired_at is null or retired_at > now() - interval '1 hour' order by created_at desc, kid
  `.execute(db);
  return rows.map((row) => row.publicJwk);
}
