import { sql, type Tx } from "../../infra/db/index.ts";

export type ProvenDomain = { id: string; hostname: string; environmentId: string; tenantId: string };

/** Whoever changes what is routed, or what decides it, takes turns: it reads what the one before committed. */
export async function lockRoutedDomains(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(7236014)`.execute(tx);
}

/** The proven domains of these tenants, or of all. */
export async function selectProvenDomains(
  tx: Tx,
  tenantIds: readonly string[] | undefined,
): Promise<ProvenDomain[]> {
  const { rows } = await sql<ProvenDomain>`
    select id, hostname, environment_id as "environmentId", tenant_id as "tenantId" from domains
    where verified_at is not null
      and (${tenantIds ?? null}::uuid[] is null or tenant_id = any (${tenantIds ?? null}::uuid[]))
  `.execute(tx);
  return rows;
}

export async function selectRoutedDomains(
  tx: Tx,
  tenantIds: readonly string[] | undefined,
): Promise<{ hostname: string; environmentId: string }[]> {
  const { rows } = await sql<{ hostname: string; environmentId: string }>`
    select hostname, environment_id as "environmentId" from routes
    where kind = 'custom'
      and (${tenantIds ?? null}::uuid[] is null or tenant_id = any (${tenantIds ?? null}::uuid[]))
  `.execute(tx);
  return rows;
}
