import type { Looked } from "../../drivers/dns/index.ts";
import { type Db, sql, type Tx } from "../../infra/db/index.ts";

export type ProofMethod = "txt" | "cname" | "operator";

export type Check = {
  outcome: "proven" | "missing" | "unavailable" | "taken";
  txt: Looked;
  cname: Looked;
};

export type DomainRow = {
  id: string;
  tenantId: string;
  tenantSlug: string;
  environmentId: string;
  environmentName: string;
  hostname: string;
  verifiedAt: Date | null;
  verifiedBy: ProofMethod | null;
  missingSince: Date | null;
  checkedAt: Date | null;
  lastCheck: Check | null;
  watchedSince: Date;
  nextCheckAt: Date | null;
  createdAt: Date;
  isRouted: boolean;
};

const columns = sql`
  d.id, d.tenant_id as "tenantId", t.slug as "tenantSlug", d.environment_id as "environmentId",
  e.name as "environmentName", d.hostname, d.verified_at as "verifiedAt", d.verified_by as "verifiedBy",
  d.missing_since as "missingSince", d.checked_at as "checkedAt", d.last_check as "lastCheck",
  d.watched_since as "watchedSince", d.next_check_at as "nextCheckAt", d.created_at as "createdAt",
  exists (
    select from routes r where r.hostname = d.hostname and r.kind = 'custom' and r.environment_id = d.environment_id
  ) as "isRouted"
`;
const tables = sql`domains d join environments e on e.id = d.environment_id join tenants t on t.id = d.tenant_id`;

export async function selectDomains(
  db: Db | Tx,
  { tenantId, limit, after }: { tenantId: string; limit: number; after?: string | undefined },
): Promise<DomainRow[]> {
  const { rows } = await sql<DomainRow>`
    select ${columns} from ${tables}
    where d.tenant_id = ${tenantId} and (${after ?? null}::text is null or d.hostname > ${after ?? null})
    order by d.hostname limit ${limit}
  `.execute(db);
  return rows;
}

/** By its id, or by its hostname among the tenant's. */
export async function selectDomain(
  db: Db | Tx,
  tenantId: string,
  by: { id: string } | { hostname: string },
): Promise<DomainRow | undefined> {
  const { rows } = await sql<DomainRow>`
    select ${columns} from ${tables} where d.tenant_id = ${tenantId}
      and ${"id" in by ? sql`d.id = ${by.id}` : sql`d.hostname = ${by.hostname}`}
  `.execute(db);
  return rows[0];
}

/** Holds the row until the transaction ends, so that what two looks found is written one after the other. */
export async function lockDomain(tx: Tx, id: string): Promise<DomainRow | undefined> {
  // Whoever works on a tenant holds its row first. A second change of a domain's row looks at the tenant's again.
  await sql`
    select from tenants where id = (select tenant_id from domains where id = ${id}) for key share
  `.execute(tx);
  const { rows } = await sql<DomainRow>`
    select ${columns} from ${tables} where d.id = ${id} for update of d
  `.execute(tx);
  return rows[0];
}

export async function countDomains(tx: Tx, tenantId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from domains where tenant_id = ${tenantId}
  `.execute(tx);
  return rows[0]!.count;
}

/** The domain of whoever has proven that the hostname is theirs. */
export async function selectProven(db: Db | Tx, hostname: string): Promise<DomainRow | undefined> {
  const { rows } = await sql<DomainRow>`
    select ${columns} from ${tables} where d.hostname = ${hostname} and d.verified_at is not null
  `.execute(db);
  return rows[0];
}

/** False when the tenant has it already. */
export async function insertDomain(
  tx: Tx,
  domain: { id: string; tenantId: string; environmentId: string; hostname: string },
): Promise<boolean> {
  const { rows } = await sql`
    insert into domains (id, tenant_id, environment_id, hostname, next_check_at)
    values (${domain.id}, ${domain.tenantId}, ${domain.environmentId}, ${domain.hostname}, now())
    on conflict (tenant_id, hostname) do nothing returning id
  `.execute(tx);
  return rows.length === 1;
}

/** Violates the index `domains_verified` when somebody else has proven it at the same time. */
export async function markVerified(tx: Tx, id: string, by: ProofMethod): Promise<void> {
  await sql`
    update domains set verified_at = coalesce(verified_at, now()), verified_by = ${by}, missing_since = null,
      next_check_at = case when ${by} = 'operator' then null else next_check_at end
    where id = ${id}
  `.execute(tx);
}

export async function deleteDomain(tx: Tx, id: string): Promise<void> {
  await sql`delete from domains where id = ${id}`.execute(tx);
}
