import { type Db, sql, type Tx } from "../../infra/db/index.ts";

/** So many tenants may stand one below the other, the topmost included. */
export const deepestHierarchy = 10;

/** Whoever gives a tenant another parent waits for whoever else does, until the commit: two moves can't make a circle. */
export async function lockHierarchy(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(7236013)`.execute(tx);
}

/** A tenant above another; `distance` 1 is the parent. */
export type AncestorRow = {
  tenantId: string;
  ancestorId: string;
  slug: string;
  distance: number;
  plan: string | null;
  logoUrl: string | null;
};

/** The tenants above those named, nearest first; nothing of those that have no parent. */
export async function selectAncestors(
  db: Db | Tx,
  tenantIds: readonly string[],
): Promise<readonly AncestorRow[]> {
  if (tenantIds.length === 0) return [];
  const { rows } = await sql<AncestorRow>`
    with recursive above as (
      select id as tenant_id, parent_id as ancestor_id, 1 as distance from tenants
      where id = any (${tenantIds}::uuid[]) and parent_id is not null
      union all
      select a.tenant_id, t.parent_id, a.distance + 1 from above a join tenants t on t.id = a.ancestor_id
      where t.parent_id is not null and a.distance < ${deepestHierarchy}
    )
    select a.tenant_id as "tenantId", t.id as "ancestorId", t.slug, a.distance, t.plan, t.logo_url as "logoUrl"
    from above a join tenants t on t.id = a.ancestor_id order by a.tenant_id, a.distance
  `.execute(db);
  return rows;
}

/** The tenants below one, at any distance; 1 is a child. */
export async function selectDescendants(
  db: Db | Tx,
  tenantId: string,
): Promise<{ id: string; distance: number }[]> {
  const { rows } = await sql<{ id: string; distance: number }>`
    with recursive below as (
      select id, 1 as distance from tenants where parent_id = ${tenantId}
      union all
      select t.id, b.distance + 1 from below b join tenants t on t.parent_id = b.id
      where b.distance < ${deepestHierarchy}
    )
    select id, distance from below order by distance, id
  `.execute(db);
  return rows;
}
