import type { DatabaseLevel } from "@tenantry/contract";
import { type Db, sql, type Tx } from "../../../infra/db/index.ts";
import type { RecordedError } from "../../../infra/workflow/index.ts";

/** Databases of an application, those of one tenant or of a group when one is named, and where they are to come to. */
export type FleetScope = {
  appId: string;
  schemaVersion: number;
  tenantId?: string | undefined;
  group?: string | undefined;
};

/** Databases `d` in use that are in the scope. One that many share is, when one of them is. */
function inScope({ appId, tenantId, group }: FleetScope) {
  const narrowed = sql`and exists (
    select from placements p join environments e on e.id = p.environment_id join tenants t on t.id = e.tenant_id
    where p.database_id = d.id and p.state <> 'retired'
      and (${tenantId ?? null}::uuid is null or t.id = ${tenantId ?? null}::uuid)
      and (${group ?? null}::text is null or ${group ?? null}::text = any (t.groups)))`;
  return sql`d.app_id = ${appId} and d.state = 'in_use' ${tenantId || group ? narrowed : sql``}`;
}

/** The databases of environments that are being moved: they wait, so that the rows fit the place that they come to. */
export const isMoving = sql`d.id in (
  select p.database_id from environments e join placements p on p.environment_id = e.id
  where e.moving and p.kind = 'database' and p.state <> 'retired')`;
const movingRetryMs = 500;

/** What a lane is for: databases of one server and level. */
export type LaneOf = { serverId: string; level: DatabaseLevel };

export type DueDatabase = LaneOf & {
  id: string;
  name: string;
  roleName: string | null;
  roleSecret: Buffer | null;
};

/**
 * Databases that an operation should migrate next, the furthest behind first: those that it has given up are left out,
 * and those that it tries again later. `busy` are under way; `full` servers take no more.
 */
export async function selectDue(
  db: Db,
  scope: FleetScope,
  which: {
    operationId: string;
    busy: readonly string[];
    full?: readonly string[];
    only?: LaneOf;
    limit: number;
  },
): Promise<DueDatabase[]> {
  const { operationId, busy, full = [], only } = which;
  const { rows } = await sql<DueDatabase>`
    select d.id, d.server_id as "serverId", d.level, d.name, d.role_name as "roleName", d.role_secret as "roleSecret"
    from databases d
      left join migration_failures f on f.database_id = d.id and f.operation_id = ${operationId}::uuid
    where ${inScope(scope)} and d.schema_version < ${scope.schemaVersion}
      and (f.database_id is null or f.retry_at <= clock_timestamp())
      and not ${isMoving} and d.id <> all (${busy}::uuid[]) and d.server_id <> all (${full}::uuid[])
      ${only ? sql`and d.server_id = ${only.serverId} and d.level = ${only.level}` : sql``}
    order by d.schema_version, d.id limit ${which.limit}
  `.execute(db);
  return rows;
}

/** Whether databases are behind that the operation hasn't given up. */
export async function isPending(
  db: Db | Tx,
  scope: FleetScope,
  operationId: string,
): Promise<{ pending: boolean; retryInMs: number }> {
  const { rows } = await sql<{ retryInMs: number }>`
    select case when ${isMoving} then ${movingRetryMs} else
      coalesce(greatest(extract(epoch from f.retry_at - clock_timestamp()) * 1000, 0), 0) end::float8 as "retryInMs"
    from databases d
      left join migration_failures f on f.database_id = d.id and f.operation_id = ${operationId}::uuid
    where ${inScope(scope)} and d.schema_version < ${scope.schemaVersion}
      and (f.database_id is null or f.retry_at is not null)
    order by 1 limit 1
  `.execute(db);
  return { pending: rows.length > 0, retryInMs: rows[0]?.retryInMs ?? 0 };
}

/** How far a scope is; in databases, and in environments, of which the platform's own don't count. */
export type FleetTally = {
  databases: number;
  current: number;
  givenUp: number;
  environments: number;
  environmentsCurrent: number;
  environmentsGivenUp: number;
};

export async function selectTally(db: Db, scope: FleetScope, operationId: string): Promise<FleetTally> {
  const { rows } = await sql<FleetTally>`
    with counted as (
      select d.schema_version >= ${scope.schemaVersion} as current,
        f.database_id is not null and f.retry_at is null and d.schema_version < ${scope.schemaVersion} as given_up,
        (select count(*) from placements p join environments e on e.id = p.environment_id
           join tenants t on t.id = e.tenant_id
         where p.database_id = d.id and p.state = 'current' and not t.internal) as environments
      from databases d
        left join migration_failures f on f.database_id = d.id and f.operation_id = ${operationId}::uuid
      where ${inScope(scope)}
    )
    select count(*)::int as databases, count(*) filter (where current)::int as current,
      count(*) filter (where given_up)::int as "givenUp", coalesce(sum(environments), 0)::int as environments,
      coalesce(sum(environments) filter (where current), 0)::int as "environmentsCurrent",
      coalesce(sum(environments) filter (where given_up), 0)::int as "environmentsGivenUp"
    from counted
  `.execute(db);
  return rows[0]!;
}

/**
 * Notes why databases couldn't be migrated. Answers how often the operation has tried each; those that aren't in use any
 * more are left out.
 */
export async function upsertFailures(
  tx: Tx,
  failure: {
    databaseIds: readonly string[];
    operationId: string;
    targetVersion: number;
    error: RecordedError;
  },
): Promise<{ databaseId: string; attempts: number }[]> {
  const { rows } = await sql<{ databaseId: string; attempts: number }>`
    insert into migration_failures as f (database_id, operation_id, target_version, attempts, error)
    select d.id, ${failure.operationId}, ${failure.targetVersion}, 1, ${JSON.stringify(failure.error)}::jsonb
    from databases d
    where d.id = any (${failure.databaseIds}::uuid[]) and d.state = 'in_use'
      and d.schema_version < ${failure.targetVersion}
    order by d.id
    on conflict (database_id) do update set operation_id = excluded.operation_id,
      target_version = excluded.target_version, error = excluded.error, failed_at = clock_timestamp(), retry_at = null,
      attempts = case when f.operation_id = excluded.operation_id then f.attempts + 1 else 1 end
    returning database_id as "databaseId", attempts
  `.execute(tx);
  return rows;
}

/** Tries again those that failed, each after a time that doubles with its attempts, up to half a minute. */
export async function updateRetryAt(tx: Tx, databaseIds: readonly string[], baseMs: number): Promise<void> {
  await sql`
    update migration_failures
    set retry_at = clock_timestamp() + least(${baseMs}::float8 * 2 ^ (attempts - 1), 30000) * interval '1 ms'
    where database_id = any (${databaseIds}::uuid[])
  `.execute(tx);
}

export async function deleteFailures(tx: Tx, databaseIds: readonly string[]): Promise<void> {
  await sql`delete from migration_failures where database_id = any (${databaseIds}::uuid[])`.execute(tx);
}

/** What an operation gave up it tries again: it was sent forward once more. */
export async function deleteFailuresOf(tx: Tx, operationId: string): Promise<void> {
  await sql`delete from migration_failures where operation_id = ${operationId}`.execute(tx);
}

export type GivenUp = {
  environmentId: string;
  environment: string;
  tenantId: string;
  slug: string;
  error: RecordedError;
};

/** The environments whose databases an operation gave up, but for the platform's own. */
export async function selectGivenUp(
  db: Db | Tx,
  operationId: string,
  which: { limit: number; databaseId?: string },
): Promise<GivenUp[]> {
  const { rows } = await sql<GivenUp>`
    select e.id as "environmentId", e.name as environment, t.id as "tenantId", t.slug, f.error
    from migration_failures f join placements p on p.database_id = f.database_id and p.state = 'current'
      join environments e on e.id = p.environment_id join tenants t on t.id = e.tenant_id
    where f.operation_id = ${operationId} and f.retry_at is null and not t.internal
      and (${which.databaseId ?? null}::uuid is null or f.database_id = ${which.databaseId ?? null}::uuid)
    order by t.slug, e.name limit ${which.limit}
  `.execute(db);
  return rows;
}
