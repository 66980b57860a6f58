import type { DatabaseLevel } from "@tenantry/contract";
import type { Difference } from "../../../drivers/database/index.ts";
import { type Db, sql, type Tx } from "../../../infra/db/index.ts";
import { isMoving } from "./fleet.sql.ts";

export type DriftScope = { appId: string; tenantId?: string | undefined; group?: string | undefined };

const inScope = ({ appId, tenantId, group }: DriftScope) => sql`
  d.app_id = ${appId} and d.state = 'in_use' and exists (
    select from placements p join environments e on e.id = p.environment_id join tenants t on t.id = e.tenant_id
    where p.database_id = d.id and p.state = 'current'
      and (${tenantId ?? null}::uuid is null or t.id = ${tenantId ?? null}::uuid)
      and (${group ?? null}::text is null or ${group ?? null}::text = any (t.groups)))
`;

/** Databases that are to be alike: of one level and schema version, on one server. */
export type Alike = { serverId: string; level: DatabaseLevel; schemaVersion: number };

export async function selectAlike(db: Db | Tx, scope: DriftScope): Promise<Alike[]> {
  const { rows } = await sql<Alike>`
    select distinct d.server_id as "serverId", d.level, d.schema_version as "schemaVersion"
    from databases d where ${inScope(scope)} order by 1, 2, 3
  `.execute(db);
  return rows;
}

export type Compared = { id: string; name: string; roleName: string | null; roleSecret: Buffer | null };

/** A page of databases that are to be alike and that an operation hasn't looked at yet, by their ids. */
export async function selectToCompare(
  db: Db,
  scope: DriftScope,
  alike: Alike & { operationId: string; after: string | undefined; limit: number },
): Promise<Compared[]> {
  const { rows } = await sql<Compared>`
    select d.id, d.name, d.role_name as "roleName", d.role_secret as "roleSecret" from databases d
    where ${inScope(scope)} and not ${isMoving} and d.server_id = ${alike.serverId} and d.level = ${alike.level}
      and d.schema_version = ${alike.schemaVersion}
      and (${alike.after ?? null}::uuid is null or d.id > ${alike.after ?? null}::uuid)
      and not exists (select from catalog_checks c join operations o on o.id = ${alike.operationId}
        where c.database_id = d.id and c.schema_version = d.schema_version and c.checked_at > o.created_at)
    order by d.id limit ${alike.limit}
  `.execute(db);
  return rows;
}

/**
 * Writes what a look came to, unless the database is being changed by a release or a migration. Answers whether its
 * schema was another one at the look before; undefined when nothing was written.
 */
export async function upsertCheck(
  tx: Tx,
  check: { databaseId: string; schemaVersion: number; hash: string; differences: readonly Difference[] },
): Promise<{ changed: boolean } | undefined> {
  const { rows } = await sql<{ changed: boolean }>`
    with before as (select hash from catalog_checks where database_id = ${check.databaseId})
    insert into catalog_checks as c (database_id, schema_version, hash, differences)
    select d.id, d.schema_version, ${check.hash}, ${JSON.stringify(check.differences)}::jsonb
    from databases d
    where d.id = ${check.databaseId} and d.state = 'in_use' and d.schema_version = ${check.schemaVersion}
      and not exists (select from operations o
        where o.kind in ('app.release', 'app.migrate') and o.input->>'appId' = d.app_id::text
          and o.status not in ('succeeded', 'failed', 'cancelled'))
    on conflict (database_id) do update set schema_version = excluded.schema_version, hash = excluded.hash,
      differences = excluded.differences, checked_at = clock_timestamp()
    returning (select hash from before) is distinct from c.hash as changed
  `.execute(tx);
  return rows[0];
}

export type PlacedTenant = { tenantId: string; environmentId: string; slug: string; environment: string };

/** Whose database it is; the first few where many share it. */
export async function selectTenantsOf(
  db: Db | Tx,
  databaseId: string,
  limit: number,
): Promise<PlacedTenant[]> {
  const { rows } = await sql<PlacedTenant>`
    select t.id as "tenantId", e.id as "environmentId", t.slug, e.name as environment
    from placements p join environments e on e.id = p.environment_id join tenants t on t.id = e.tenant_id
    where p.database_id = ${databaseId} and p.state = 'current' order by t.slug, e.name limit ${limit}
  `.execute(db);
  return rows;
}

export type DriftRow = {
  databaseId: string;
  level: DatabaseLevel;
  server: string;
  schemaVersion: number;
  checkedAt: Date;
  differences: Difference[];
  tenants: string[];
  environments: number;
};

const checked = (scope: DriftScope) => sql`
  from databases d join catalog_checks c on c.database_id = d.id and c.schema_version = d.schema_version
  where ${inScope(scope)}
`;

/** Databases that differed when they were looked at last, a page of them by their ids. */
export async function selectDrifted(
  db: Db,
  scope: DriftScope,
  page: { limit: number; after?: string | undefined },
): Promise<DriftRow[]> {
  const { rows } = await sql<DriftRow>`
    select d.id as "databaseId", d.level, (select s.name from database_servers s where s.id = d.server_id) as server,
      d.schema_version as "schemaVersion", c.checked_at as "checkedAt", c.differences, owners.*
    ${sql`from databases d join catalog_checks c on c.database_id = d.id and c.schema_version = d.schema_version`}
      cross join lateral (
        select (array_agg(t.slug || case when e.name <> 'production' then '--' || e.name else '' end order by t.slug, e.name))[1:5]
          as tenants, count(*)::int as environments
        from placements p join environments e on e.id = p.environment_id join tenants t on t.id = e.tenant_id
        where p.database_id = d.id and p.state = 'current') as owners
    where ${inScope(scope)} and c.differences <> '[]'
      and (${page.after ?? null}::uuid is null or d.id > ${page.after ?? null}::uuid)
    order by d.id limit ${page.limit + 1}
  `.execute(db);
  return rows;
}

export type DriftCounts = { databases: number; checked: number; drifted: number };

export async function countDrift(db: Db, scope: DriftScope): Promise<DriftCounts> {
  const { rows } = await sql<DriftCounts>`
    select (select count(*)::int from databases d where ${inScope(scope)}) as databases,
      count(*)::int as checked, count(*) filter (where c.differences <> '[]')::int as drifted
    ${checked(scope)}
  `.execute(db);
  return rows[0]!;
}

/** The apps that have databases, and no look at them under way. */
export async function selectAppsToCheck(db: Db | Tx): Promise<string[]> {
  const { rows } = await sql<{ appId: string }>`
    select a.id as "appId" from apps a
    where exists (select from databases d where d.app_id = a.id and d.state = 'in_use')
      and not exists (select from operations o
        where o.kind = 'schema.drift' and o.input->>'appId' = a.id::text
          and o.status not in ('succeeded', 'failed', 'cancelled'))
  `.execute(db);
  return rows.map(({ appId }) => appId);
}
