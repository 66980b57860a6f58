import type { EnvironmentStatus, TenantStatus } from "@tenantry/contract";
import { type Db, sql, type Tx } from "../../infra/db/index.ts";

export type RuntimeRow = {
  id: string;
  version: number;
  name: string;
  status: EnvironmentStatus;
  tenantId: string;
  tenantSlug: string;
  tenantName: string;
  tenantStatus: TenantStatus;
  hasChildren: boolean;
  plan: string | null;
  logoUrl: string | null;
  timezone: string;
  language: string;
};

/** To an application one that is being moved is in maintenance. */
const usableStatus = sql`case when e.moving and e.status = 'ready' then 'maintenance' else e.status end`;

/** The application's environments that changed after (version, id), in that order. */
export async function selectChangedEnvironments(
  tx: Tx,
  after: { appId: string; version: number; id: string; limit: number },
): Promise<RuntimeRow[]> {
  const { rows } = await sql<RuntimeRow>`
    select e.id, e.version, e.name, ${usableStatus} as status, t.id as "tenantId", t.slug as "tenantSlug", t.name as "tenantName",
      t.status as "tenantStatus", exists (select from tenants c where c.parent_id = t.id and c.visible_to = t.id) as "hasChildren", t.plan, t.logo_url as "logoUrl", t.timezone, t.language
    from environments e join tenants t on t.id = e.tenant_id
    where t.app_id = ${after.appId} and not t.internal and (e.version, e.id) > (${after.version}, ${after.id}::uuid)
    order by e.version, e.id limit ${after.limit}
  `.execute(tx);
  return rows;
}

/** The application's environments that were taken away after a version, and those of which nothing says whose they were. */
export async function selectRemovedEnvironments(
  tx: Tx,
  { appId, version, limit }: { appId: string; version: number; limit: number },
): Promise<string[]> {
  const { rows } = await sql<{ key: string }>`
    select key from stream_tombstones
    where stream = 'runtime' and version > ${version} and (app_id is null or app_id = ${appId})
    order by version limit ${limit}
  `.execute(tx);
  return rows.map(({ key }) => key);
}

export type PlaceRow = { tenantId: string; tenantStatus: TenantStatus; environmentStatus: EnvironmentStatus };

/** Whose environment it is, if it is one of this application's. */
export async function selectPlace(
  db: Db,
  appId: string,
  environmentId: string,
): Promise<PlaceRow | undefined> {
  const { rows } = await sql<PlaceRow>`
    select t.id as "tenantId", t.status as "tenantStatus", ${usableStatus} as "environmentStatus"
    from environments e join tenants t on t.id = e.tenant_id
    where e.id = ${environmentId} and t.app_id = ${appId}
  `.execute(db);
  return rows[0];
}

export type ChildRow = {
  id: string;
  slug: string;
  name: string;
  status: TenantStatus;
  plan: string | null;
  /** Of its production environment. */
  environmentId: string | null;
};

/** The tenants right below one that let it see them, by slug; whatever application they run. One more than `limit`. */
export async function selectVisibleChildren(
  db: Db,
  parentId: string,
  { limit, after = "" }: { limit: number; after?: string | undefined },
): Promise<ChildRow[]> {
  const { rows } = await sql<ChildRow>`
    select t.id, t.slug, t.name, t.status, t.plan, e.id as "environmentId"
    from tenants t left join environments e on e.tenant_id = t.id and e.name = 'production'
    where t.parent_id = ${parentId} and t.visible_to = ${parentId} and t.slug > ${after}
    order by t.slug limit ${limit + 1}
  `.execute(db);
  return rows;
}
