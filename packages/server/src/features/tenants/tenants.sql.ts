import type { TenantStatus } from "@tenantry/contract";
import { type Db, sql, type Tx } from "../../infra/db/index.ts";

export type TenantRow = {
  id: string;
  slug: string;
  clientId: string | null;
  name: string;
  status: TenantStatus;
  statusReason: string | null;
  statusBefore: TenantStatus | null;
  appId: string;
  appSlug: string;
  plan: string | null;
  region: string | null;
  groups: string[];
  parentId: string | null;
  /** Its parent sees it. */
  visibleToParent: boolean;
  timezone: string;
  language: string;
  logoUrl: string | null;
  /** What it was made from, as that was called then. */
  templateName: string | null;
  templateRevision: number | null;
  deleteAt: Date | null;
  /** The platform's own: in no list, and against no limit. */
  internal: boolean;
  revision: number;
  createdAt: Date;
  updatedAt: Date;
};

const columns = sql`
  t.id, t.slug, t.client_id as "clientId", t.name, t.status, t.status_reason as "statusReason",
  t.status_before as "statusBefore", t.app_id as "appId", a.slug as "appSlug", t.plan, t.region, t.groups,
  t.parent_id as "parentId", coalesce(t.visible_to = t.parent_id, false) as "visibleToParent", t.timezone, t.language, t.logo_url as "logoUrl", t.template_name as "templateName",
  t.template_revision as "templateRevision", t.delete_at as "deleteAt", t.internal,
  t.revision, t.created_at as "createdAt", t.updated_at as "updatedAt"
`;

export type NewTenant = Pick<
  TenantRow,
  | "id"
  | "slug"
  | "clientId"
  | "name"
  | "appId"
  | "plan"
  | "region"
  | "groups"
  | "parentId"
  | "visibleToParent"
  | "timezone"
  | "language"
  | "logoUrl"
> &
  Partial<Pick<TenantRow, "internal" | "templateName" | "templateRevision">>;

/** False when another tenant has the slug or the client id. */
export async function insertTenant(tx: Tx, tenant: NewTenant): Promise<boolean> {
  const { rows } = await sql`
    insert into tenants (id, slug, client_id, name, status, app_id, plan, region, groups, parent_id, timezone, language,
      logo_url, internal, template_name, template_revision, visible_to)
    values (${tenant.id}, ${tenant.slug}, ${tenant.clientId}, ${tenant.name}, 'provisioning', ${tenant.appId},
      ${tenant.plan}, ${tenant.region}, ${tenant.groups}, ${tenant.parentId}, ${tenant.timezone}, ${tenant.language},
      ${tenant.logoUrl}, ${tenant.internal ?? false}, ${tenant.templateName ?? null}, ${tenant.templateRevision ?? null},
      ${tenant.visibleToParent ? tenant.parentId : null})
    on conflict do nothing
    returning id
  `.execute(tx);
  return rows.length === 1;
}

export async function selectTenant(db: Db | Tx, id: string): Promise<TenantRow | undefined> {
  const { rows } = await sql<TenantRow>`
    select ${columns} from tenants t join apps a on a.id = t.app_id where t.id = ${id} and t.status <> 'deleted'
  `.execute(db);
  return rows[0];
}

export async function selectTenantBySlug(db: Db | Tx, slug: string): Promise<TenantRow | undefined> {
  const { rows } = await sql<TenantRow>`
    select ${columns} from tenants t join apps a on a.id = t.app_id where t.slug = ${slug} and t.status <> 'deleted'
  `.execute(db);
  return rows[0];
}

/** Locks the row until the transaction ends, so that two changes of one tenant follow each other. */
export async function lockTenant(tx: Tx, id: string): Promise<TenantRow | undefined> {
  const { rows } = await sql<TenantRow>`
    select ${columns} from tenants t join apps a on a.id = t.app_id where t.id = ${id} and t.status <> 'deleted'
    for update of t
  `.execute(tx);
  return rows[0];
}

export type TenantFilter = {
  search?: string | undefined;
  status?: TenantStatus | undefined;
  app?: string | undefined;
  group?: string | undefined;
  parentId?: string | undefined;
  limit: number;
  /** The id of the last tenant of the page before. */
  after?: string | undefined;
};

/** Newest first. One more than `limit` comes back when there is a next page. */
export async function selectTenants(db: Db, filter: TenantFilter): Promise<TenantRow[]> {
  const conditions = [sql`t.status <> 'deleted'`, sql`not t.internal`];
  if (filter.search) {
    const pattern = `%${filter.search.replace(/[\\%_]/g, "\\$&")}%`;
    conditions.push(
      sql`(t.slug like lower(${pattern}) or t.name ilike ${pattern} or t.client_id = ${filter.search})`,
    );
  }
  if (filter.status) conditions.push(sql`t.status = ${filter.status}`);
  if (filter.app) conditions.push(sql`a.slug = ${filter.app}`);
  if (filter.group) conditions.push(sql`${filter.group} = any (t.groups)`);
  if (filter.parentId) conditions.push(sql`t.parent_id = ${filter.parentId}`);
  if (filter.after) conditions.push(sql`t.id < ${filter.after}`);
  const { rows } = await sql<TenantRow>`
    select ${columns} from tenants t join apps a on a.id = t.app_id
    where ${sql.join(conditions, sql` and `)}
    order by t.id desc limit ${filter.limit + 1}
  `.execute(db);
  return rows;
}

export async function countChildren(db: Db | Tx, parentId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from tenants where parent_id = ${parentId} and status <> 'deleted'
  `.execute(db);
  return rows[0]!.count;
}

export type StatusChange = {
  status: TenantStatus;
  reason?: string | null;
  before?: TenantStatus | null;
  deleteAt?: Date | null;
};

export async function updateTenantStatus(tx: Tx, id: string, change: StatusChange): Promise<void> {
  await sql`
    update tenants set status = ${change.status}, status_reason = ${change.reason ?? null},
      status_before = ${change.before ?? null}, delete_at = ${change.deleteAt ?? null},
      revision = revision + 1, updated_at = now()
    where id = ${id}
  `.execute(tx);
}

export type TenantChange = Pick<
  TenantRow,
  | "slug"
  | "name"
  | "plan"
  | "region"
  | "groups"
  | "parentId"
  | "visibleToParent"
  | "timezone"
  | "language"
  | "logoUrl"
>;

export async function updateTenantFields(tx: Tx, id: string, change: TenantChange): Promise<void> {
  await sql`
    update tenants set slug = ${change.slug}, name = ${change.name}, plan = ${change.plan}, region = ${change.region},
      groups = ${change.groups}, parent_id = ${change.parentId}, timezone = ${change.timezone}, language = ${change.language},
      logo_url = ${change.logoUrl},
      visible_to = ${change.visibleToParent ? change.parentId : null}, revision = revision + 1, updated_at = now()
    where id = ${id}
  `.execute(tx);
}

/** Marks a change of what the tenant's reply shows beside its own row. */
export async function raiseTenantRevision(tx: Tx, id: string): Promise<void> {
  await sql`update tenants set revision = revision + 1, updated_at = now() where id = ${id}`.execute(tx);
}

/** Removes the tenant's row: its environments, placements, users and sessions go with it. */
export async function deleteTenantRow(tx: Tx, id: string): Promise<void> {
  await sql`delete from tenants where id = ${id}`.execute(tx);
}

export async function slugIsTaken(db: Db | Tx, slug: string): Promise<boolean> {
  const { rows } = await sql`select from tenants where slug = ${slug}`.execute(db);
  return rows.length > 0;
}

/** Counts one more tenant; false when `limit` is reached. Exact: the row is locked until the transaction ends. */
export async function countTenantIn(tx: Tx, limit: number): Promise<boolean> {
  const { rows } = await sql`
    update installation set tenant_count = tenant_count + 1 where tenant_count < ${limit} returning tenant_count
  `.execute(tx);
  return rows.length === 1;
}

export async function countTenantOut(tx: Tx): Promise<void> {
  await sql`update installation set tenant_count = tenant_count - 1`.execute(tx);
}
