import { type Db, sql } from "../../infra/db/index.ts";
import type { RecordedError } from "../../infra/workflow/index.ts";

export type MigrationFilter = {
  appId: string;
  schemaVersion: number;
  state?: "current" | "behind" | "failed" | undefined;
  tenantId?: string | undefined;
  group?: string | undefined;
};

export type MigrationRow = {
  environmentId: string;
  environment: string;
  tenantId: string;
  slug: string;
  level: string;
  server: string;
  schemaVersion: number;
  heldRelease: number | null;
  failure: { operationId: string; targetVersion: number; attempts: number; error: RecordedError } | null;
  failedAt: Date | null;
};

/** Where a tenant's production is. */
export async function selectProduction(
  db: Db,
  appId: string,
  tenantId: string,
): Promise<{ environmentId: string; slug: string; schemaVersion: number } | undefined> {
  const { rows } = await sql<{ environmentId: string; slug: string; schemaVersion: number }>`
    select e.id as "environmentId", t.slug, d.schema_version as "schemaVersion"
    from environments e join tenants t on t.id = e.tenant_id
      join placements p on p.environment_id = e.id and p.state = 'current'
      join databases d on d.id = p.database_id
    where t.id = ${tenantId} and e.name = 'production' and d.app_id = ${appId} and d.state = 'in_use'
  `.execute(db);
  return rows[0];
}

/** Environments `e` with a database `d`, and what its last attempt came to. */
const placed = ({ appId, tenantId, group }: MigrationFilter) => sql`
  from databases d
    join placements p on p.database_id = d.id and p.state = 'current'
    join environments e on e.id = p.environment_id
    join tenants t on t.id = e.tenant_id
    left join migration_failures f on f.database_id = d.id
  where d.app_id = ${appId} and d.state = 'in_use' and not t.internal
    and (${tenantId ?? null}::uuid is null or t.id = ${tenantId ?? null}::uuid)
    and (${group ?? null}::text is null or ${group ?? null}::text = any (t.groups))
`;

const inState = ({ state, schemaVersion }: MigrationFilter) =>
  ({
    current: sql`and d.schema_version >= ${schemaVersion}`,
    behind: sql`and d.schema_version < ${schemaVersion}`,
    failed: sql`and f.database_id is not null`,
    any: sql``,
  })[state ?? "any"];

/** A page of an app's environments in the order of their ids. */
export async function selectMigrationRows(
  db: Db,
  filter: MigrationFilter,
  page: { limit: number; after?: string | undefined },
): Promise<MigrationRow[]> {
  const { rows } = await sql<MigrationRow>`
    select e.id as "environmentId", e.name as environment, t.id as "tenantId", t.slug, d.level,
      (select s.name from database_servers s where s.id = d.server_id) as server,
      d.schema_version as "schemaVersion",
      (select r.number from releases r where r.id = e.held_release_id) as "heldRelease",
      case when f.database_id is not null then jsonb_build_object('operationId', f.operation_id,
        'targetVersion', f.target_version, 'attempts', f.attempts, 'error', f.error) end as failure,
      f.failed_at as "failedAt"
    ${placed(filter)} ${inState(filter)} and (${page.after ?? null}::uuid is null or e.id > ${page.after ?? null}::uuid)
    order by e.id limit ${page.limit + 1}
  `.execute(db);
  return rows;
}

export type MigrationCounts = {
  environments: number;
  current: number;
  behind: number;
  failed: number;
  heldBack: number;
};

export async function countMigrations(db: Db, filter: MigrationFilter): Promise<MigrationCounts> {
  const { rows } = await sql<MigrationCounts>`
    select count(*)::int as environments,
      count(*) filter (where d.schema_version >= ${filter.schemaVersion})::int as current,
      count(*) filter (where d.schema_version < ${filter.schemaVersion})::int as behind,
      count(*) filter (where f.database_id is not null)::int as failed,
      count(*) filter (where e.held_release_id is not null)::int as "heldBack"
    ${placed(filter)}
  `.execute(db);
  return rows[0]!;
}

export type BehindGroup = {
  level: string;
  schemaVersion: number;
  databases: number;
  environments: number;
  tenants: string[];
};

/** Databases that are behind, by level and version, with the first few of their tenants. */
export async function selectBehindGroups(db: Db, filter: MigrationFilter): Promise<BehindGroup[]> {
  const { rows } = await sql<BehindGroup>`
    select d.level, d.schema_version as "schemaVersion", count(distinct d.id)::int as databases,
      count(*)::int as environments, (array_agg(distinct t.slug order by t.slug))[1:5] as tenants
    ${placed(filter)} and d.schema_version < ${filter.schemaVersion}
    group by d.level, d.schema_version order by d.schema_version, d.level
  `.execute(db);
  return rows;
}
