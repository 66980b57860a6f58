import { type Db, sql, type Tx } from "../../infra/db/index.ts";
import type { ReleaseRow } from "./releases.sql.ts";

export type InstanceState = "starting" | "healthy" | "backing_off" | "stopped";

export type InstanceRow = {
  id: string;
  appId: string;
  releaseId: string;
  url: string | null;
  state: InstanceState;
  restarts: number;
  lastError: string | null;
};

export type WantedRelease = ReleaseRow & { appSlug: string; runAsUid: number };

/** The releases whose processes should run: of every app the current one, and the one that is being made ready. */
export async function selectWantedReleases(db: Db): Promise<WantedRelease[]> {
  const { rows } = await sql<WantedRelease>`
    select r.id, r.app_id as "appId", r.number, r.upstream_url as "upstreamUrl", r.command,
      r.working_directory as "workingDirectory", r.variables as "plainVariables",
      r.variables_secret as "variablesSecret", r.health_path as "healthPath",
      r.schema_version as "schemaVersion", r.created_at as "createdAt",
      a.slug as "appSlug", a.run_as_uid as "runAsUid"
    from apps a join releases r on r.id in (a.current_release_id, a.next_release_id)
    where r.command is not null
  `.execute(db);
  return rows;
}

export async function selectInstances(db: Db | Tx, appIds: readonly string[]): Promise<InstanceRow[]> {
  const { rows } = await sql<InstanceRow>`
    select id, app_id as "appId", release_id as "releaseId", url, state, restarts, last_error as "lastError"
    from instances where app_id = any (${appIds}::uuid[]) order by id
  `.execute(db);
  return rows;
}

/** The instances that the registry still knows of this node. */
export async function selectInstanceIdsOf(db: Db, nodeId: string): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`select id from instances where node_id = ${nodeId}`.execute(db);
  return rows.map((row) => row.id);
}

export async function insertInstance(
  tx: Tx,
  instance: { id: string; appId: string; releaseId: string; nodeId: string },
): Promise<void> {
  await sql`
    insert into instances (id, app_id, release_id, node_id, state)
    values (${instance.id}, ${instance.appId}, ${instance.releaseId}, ${instance.nodeId}, 'starting')
  `.execute(tx);
}

export type InstanceChange = {
  state: InstanceState;
  url: string | null;
  processId: number | null;
  restarts?: number;
  lastError?: string;
};

export async function updateInstance(tx: Tx, id: string, change: InstanceChange): Promise<void> {
  await sql`
    update instances set state = ${change.state}, url = ${change.url}, process_id = ${change.processId},
      restarts = coalesce(${change.restarts ?? null}, restarts),
      last_error = coalesce(${change.lastError ?? null}, last_error), updated_at = now()
    where id = ${id}
  `.execute(tx);
}

export async function deleteInstance(tx: Tx, id: string): Promise<void> {
  await sql`delete from instances where id = ${id}`.execute(tx);
}

const wantedUrls = sql`
  case when r.upstream_url is not null then array[r.upstream_url]
    else array(select i.url from instances i where i.release_id = r.id and i.state = 'healthy' order by i.id) end
`;

/** The apps whose upstream says something else than it should: an instance went with its node, which told nobody. */
export async function selectStaleUpstreams(db: Db): Promise<string[]> {
  const { rows } = await sql<{ appId: string }>`
    select a.id as "appId" from apps a join releases r on r.id = a.current_release_id
      left join upstreams u on u.id = a.id and u.release_id = r.id
    where u.urls is distinct from ${wantedUrls}
  `.execute(db);
  return rows.map((row) => row.appId);
}

/** Where the app's current release answers: what its upstream should say, and what it says. */
export async function selectUpstreamTarget(
  tx: Tx | Db,
  appId: string,
): Promise<{ releaseId: string; wanted: string[]; present: string[] | null } | undefined> {
  const { rows } = await sql<{ releaseId: string; wanted: string[]; present: string[] | null }>`
    select r.id as "releaseId", ${wantedUrls} as wanted,
      (select u.urls from upstreams u where u.id = a.id and u.release_id = r.id) as present
    from apps a join releases r on r.id = a.current_release_id where a.id = ${appId}
  `.execute(tx);
  return rows[0];
}

export async function upsertUpstream(
  tx: Tx,
  upstream: { appId: string; releaseId: string; urls: readonly string[] },
  version: number,
): Promise<void> {
  await sql`
    insert into upstreams (id, app_id, release_id, urls, version)
    values (${upstream.appId}, ${upstream.appId}, ${upstream.releaseId}, ${upstream.urls}::text[], ${version})
    on conflict (id) do update set release_id = excluded.release_id, urls = excluded.urls, version = excluded.version
  `.execute(tx);
}
