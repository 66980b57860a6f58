import { type Db, sql, type Tx } from "../../../infra/db/index.ts";

export type AuthorityRow = { id: string; certificate: string; privateSecret: Buffer };

/** One at a time may look for an authority and make one. */
export async function lockAuthorities(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(7236005)`.execute(tx);
}

/** The authority in use: the newest that is good for a month more. */
export async function selectAuthority(db: Db | Tx, rootDomain: string): Promise<AuthorityRow | undefined> {
  const { rows } = await sql<AuthorityRow>`
    select id, certificate, private_secret as "privateSecret" from certificate_authorities
    where root_domain = ${rootDomain} and expires_at > now() + interval '30 days'
    order by created_at desc, id limit 1
  `.execute(db);
  return rows[0];
}

export async function insertAuthority(
  tx: Tx,
  row: AuthorityRow & { rootDomain: string; expiresAt: Date; domainId?: string },
): Promise<void> {
  await sql`
    insert into certificate_authorities (id, root_domain, certificate, private_secret, expires_at, domain_id)
    values (${row.id}, ${row.rootDomain}, ${row.certificate}, ${row.privateSecret}, ${row.expiresAt},
      ${row.domainId ?? null})
  `.execute(tx);
}

/** Those of these names that have no authority of their own. */
export async function selectNamesWithout(tx: Tx, names: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select name from unnest(${names}::text[]) as name
    where not exists (
      select from certificate_authorities where root_domain = name and expires_at > now() + interval '30 days'
    )
  `.execute(tx);
  return rows.map(({ name }) => name);
}
