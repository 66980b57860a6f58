import type { DatabaseLevel } from "@tenantry/contract";
import { type Db, sql, type Tx } from "../../../infra/db/index.ts";
import type { RecordedError } from "../../../infra/workflow/index.ts";

export type ScriptRow = { id: string; name: string; sql: string };

/** Keeps a script as it is; one with the same text stays under the name it had. Answers its id. */
export async function insertScript(
  tx: Tx,
  script: ScriptRow & { appId: string; checksum: string },
): Promise<string> {
  const { rows } = await sql<{ id: string }>`
    insert into scripts as s (id, app_id, name, sql, checksum)
    values (${script.id}, ${script.appId}, ${script.name}, ${script.sql}, ${script.checksum})
    on conflict (app_id, checksum) do update set name = s.name
    returning id
  `.execute(tx);
  return rows[0]!.id;
}

export async function selectScript(db: Db, id: string): Promise<ScriptRow | undefined> {
  const { rows } = await sql<ScriptRow>`select id, name, sql from scripts where id = ${id}`.execute(db);
  return rows[0];
}

export type ScriptScope = {
  appId: string;
  tenantId?: string | undefined;
  group?: string | undefined;
  /** The environments' name. */
  environment: string;
};

export type ScriptPlaceRow = {
  environmentId: string;
  tenantId: string;
  slug: string;
  databaseId: string;
  serverId: string;
  level: DatabaseLevel;
  name: string;
  roleName: string | null;
  roleSecret: Buffer | null;
};

/**
 * Environments that an operation has still to run a script on: without those that it has run on before, unless it is to
 * be run again. One that an interrupted attempt began comes first.
 */
export async function selectScriptPlaces(
  db: Db,
  scope: ScriptScope,
  run: {
    operationId: string;
    scriptId: string;
    again: boolean;
    busy: readonly string[];
    limit: number;
    /** Those that are being moved, too. */
    moving?: boolean;
  },
): Promise<ScriptPlaceRow[]> {
  const { rows } = await sql<ScriptPlaceRow>`
    select e.id as "environmentId", t.id as "tenantId", t.slug, d.id as "databaseId", d.server_id as "serverId",
      d.level, d.name, d.role_name as "roleName", d.role_secret as "roleSecret"
    from databases d join placements p on p.database_id = d.id and p.state = 'current'
      join environments e on e.id = p.environment_id join tenants t on t.id = e.tenant_id
      left join script_runs r on r.operation_id = ${run.operationId}::uuid and r.environment_id = e.id
    where d.app_id = ${scope.appId} and d.state = 'in_use' and e.name = ${scope.environment}
      and e.status in ('ready', 'maintenance') and (not e.moving or ${run.moving ?? false})
      and (${scope.tenantId ?? null}::uuid is null or t.id = ${scope.tenantId ?? null}::uuid)
      and (${scope.group ?? null}::text is null or ${scope.group ?? null}::text = any (t.groups))
      and (r.status is null or r.status = 'running') and e.id <> all (${run.busy}::uuid[])
      and (${run.again} or not exists (select from script_runs before
        where before.script_id = ${run.scriptId}::uuid and before.environment_id = e.id
          and before.status = 'succeeded' and not before.dry_run))
    order by r.status is null, e.id limit ${run.limit}
  `.execute(db);
  return rows;
}

export type RunKey = { operationId: string; environmentId: string };

export type BegunRun = { transactionId: string | null; rowsChanged: number | null };

/**
 * Notes that a script is about to be run in a database; answers what an interrupted attempt had noted. Undefined where the
 * environment is being moved, or has been: from this note to its end a run keeps it where it is.
 */
export async function upsertRun(
  tx: Tx,
  run: RunKey & { databaseId: string; scriptId: string; dryRun: boolean; requestedBy: string | null },
): Promise<BegunRun | undefined> {
  const { rows } = await sql<BegunRun>`
    insert into script_runs as r (operation_id, environment_id, script_id, status, dry_run, requested_by)
    select ${run.operationId}::uuid, e.id, ${run.scriptId}::uuid, 'running', ${run.dryRun}::boolean, ${run.requestedBy}
    from environments e where e.id = ${run.environmentId} and not e.moving and exists (select from placements p
      where p.environment_id = e.id and p.state = 'current' and p.database_id = ${run.databaseId}) for share of e
    on conflict (operation_id, environment_id) do update set started_at = r.started_at
    returning transaction_id as "transactionId", rows_changed::int as "rowsChanged"
  `.execute(tx);
  return rows[0];
}

/** Whether a script is at work on an environment, or will go on there. */
export async function isScriptAtWork(tx: Tx, environmentId: string): Promise<boolean> {
  const { rows } = await sql`
    select from script_runs r join operations o on o.id = r.operation_id
    where r.environment_id = ${environmentId} and r.status = 'running'
      and o.status not in ('succeeded', 'failed', 'cancelled') limit 1
  `.execute(tx);
  return rows.length > 0;
}

export async function updateTransaction(
  tx: Tx,
  { operationId, environmentId }: RunKey,
  done: { transactionId: string | null; rowsChanged: number },
): Promise<void> {
  await sql`
    update script_runs set transaction_id = ${done.transactionId}, rows_changed = ${done.rowsChanged}
    where operation_id = ${operationId} and environment_id = ${environmentId}
  `.execute(tx);
}

export async function updateRunEnded(
  tx: Tx,
  { operationId, environmentId }: RunKey,
  ended: { status: "succeeded" | "failed"; rowsChanged: number | null; error: RecordedError | null },
): Promise<void> {
  await sql`
    update script_runs set status = ${ended.status}, rows_changed = ${ended.rowsChanged},
      error = ${ended.error === null ? null : JSON.stringify(ended.error)}::jsonb, ended_at = clock_timestamp()
    where operation_id = ${operationId} and environment_id = ${environmentId}
  `.execute(tx);
}

/** Runs that were begun and never ended, with where they were. */
export async function selectOpenRuns(db: Db, operationId: string): Promise<ScriptPlaceRow[]> {
  const { rows } = await sql<ScriptPlaceRow>`
    select e.id as "environmentId", t.id as "tenantId", t.slug, d.id as "databaseId", d.server_id as "serverId",
      d.level, d.name, d.role_name as "roleName", d.role_secret as "roleSecret"
    from script_runs r join environments e on e.id = r.environment_id join tenants t on t.id = e.tenant_id
      join placements p on p.environment_id = e.id and p.state = 'current' join databases d on d.id = p.database_id
    where r.operation_id = ${operationId} and r.status = 'running'
  `.execute(db);
  return rows;
}

export type RunCounts = { succeeded: number; failed: number; rowsChanged: number; firstError: string | null };

export async function countRuns(db: Db, operationId: string): Promise<RunCounts> {
  const { rows } = await sql<RunCounts>`
    select count(*) filter (where r.status = 'succeeded')::int as succeeded,
      count(*) filter (where r.status = 'failed')::int as failed, coalesce(sum(r.rows_changed), 0)::int as "rowsChanged",
      (array_agg(t.slug || ': ' || coalesce(r.error->>'detail', r.error->>'title') order by t.slug)
        filter (where r.status = 'failed'))[1] as "firstError"
    from script_runs r join environments e on e.id = r.environment_id join tenants t on t.id = e.tenant_id
    where r.operation_id = ${operationId}
  `.execute(db);
  return rows[0]!;
}

/** An operation that is sent forward again tries anew what failed. */
export async function deleteFailedRuns(tx: Tx, operationId: string): Promise<void> {
  await sql`delete from script_runs where operation_id = ${operationId} and status = 'failed'`.execute(tx);
}

export type ShownRun = {
  operationId: string;
  environmentId: string;
  tenantId: string;
  slug: string;
  environment: string;
  script: string;
  checksum: string;
  status: "running" | "succeeded" | "failed";
  dryRun: boolean;
  rowsChanged: number | null;
  error: RecordedError | null;
  requestedBy: string | null;
  startedAt: Date;
  endedAt: Date | null;
};

/** An app's runs, the newest operations first. */
export async function selectRuns(
  db: Db,
  filter: {
    appId: string;
    tenantId?: string | undefined;
    group?: string | undefined;
    operationId?: string | undefined;
  },
  page: { limit: number; after?: { operationId: string; environmentId: string } | undefined },
): Promise<ShownRun[]> {
  const { rows } = await sql<ShownRun>`
    select r.operation_id as "operationId", e.id as "environmentId", t.id as "tenantId", t.slug,
      e.name as environment, s.name as script, s.checksum, r.status, r.dry_run as "dryRun",
      r.rows_changed::int as "rowsChanged", r.error, r.requested_by as "requestedBy", r.started_at as "startedAt",
      r.ended_at as "endedAt"
    from script_runs r join scripts s on s.id = r.script_id join environments e on e.id = r.environment_id
      join tenants t on t.id = e.tenant_id
    where s.app_id = ${filter.appId}
      and (${filter.tenantId ?? null}::uuid is null or t.id = ${filter.tenantId ?? null}::uuid)
      and (${filter.group ?? null}::text is null or ${filter.group ?? null}::text = any (t.groups))
      and (${filter.operationId ?? null}::uuid is null or r.operation_id = ${filter.operationId ?? null}::uuid)
      and (${page.after?.operationId ?? null}::uuid is null
        or (r.operation_id, r.environment_id) < (${page.after?.operationId ?? null}::uuid, ${page.after?.environmentId ?? null}::uuid))
    order by r.operation_id desc, r.environment_id desc limit ${page.limit + 1}
  `.execute(db);
  return rows;
}

export async function deleteRunsOf(tx: Tx, environmentId: string): Promise<void> {
  await sql`delete from script_runs where environment_id = ${environmentId}`.execute(tx);
}

/** Stands for a transaction's number where a run was in a file: the file itself knows which runs it has seen. */
export const inFile = "file";

/** The operations whose runs on an environment were, or are, in its file. */
export async function selectFileRuns(tx: Tx, environmentId: string): Promise<string[]> {
  const { rows } = await sql<{ operationId: string }>`
    select operation_id as "operationId" from script_runs
    where environment_id = ${environmentId} and transaction_id = ${inFile} and not dry_run
  `.execute(tx);
  return rows.map(({ operationId }) => operationId);
}

/**
 * Notes for an environment, whose rows were copied, what scripts had done to them where they come from: those that the rows
 * show, by the snapshot that they were read in or, from a file, by what stood in it. Answers how many; undefined while it
 * can't be told of one yet, since what became of it isn't noted. Transactions are of the other's server, so their numbers
 * stay behind. Repeatable.
 */
export async function insertCarriedRuns(
  tx: Tx,
  { from, to, snapshot, inFileBy }: CarriedFrom & { inFileBy: readonly string[] },
): Promise<number | undefined> {
  // A number that was left behind belongs to rows that came with it.
  const shown = sql`case when r.transaction_id is null then true
    when r.transaction_id = ${inFile} then r.operation_id = any (${inFileBy}::uuid[])
    when ${snapshot}::text is null then true
    else pg_visible_in_snapshot(r.transaction_id::xid8, ${snapshot}::pg_snapshot) end`;
  const { rows } = await sql<{ carried: number; unsettled: boolean }>`
    with carried as (
      insert into script_runs (operation_id, environment_id, script_id, status, rows_changed, requested_by, started_at,
        ended_at)
      select r.operation_id, ${to}, r.script_id, r.status, r.rows_changed, r.requested_by, r.started_at, r.ended_at
      from script_runs r
      where r.environment_id = ${from} and r.status = 'succeeded' and not r.dry_run and ${shown}
      on conflict (operation_id, environment_id) do nothing
      returning 1
    )
    select (select count(*)::int from carried) as carried, exists (
      select from script_runs r where r.environment_id = ${from} and r.status = 'running' and not r.dry_run
        and r.transaction_id is not null and ${shown}) as unsettled
  `.execute(tx);
  const { carried, unsettled } = rows[0]!;
  return unsettled ? undefined : carried;
}

export type CarriedFrom = { from: string; to: string; snapshot: string | null };
