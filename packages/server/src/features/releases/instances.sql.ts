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

export type WantedRelease = ReleaseRow & {
  appSlug: string;
  runAsUid: number;
  /** Visitors come to it already. */
  serves: boolean;
};

/** Environments whose database couldn't follow stay with an older release, which goes on for them. */
const isHeld = sql`exists (select from environments e where e.held_release_id = r.id)`;

/**
 * The releases whose processes should run: of every app the current one, the one that is being made ready, and those
 * that environments were held back at.
 */
export async function selectWantedReleases(db: Db): Promise<WantedRelease[]> {
  const { rows } = await sql<WantedRelease>`
    select r.id, r.app_id as "appId", r.number, r.upstream_url as "upstreamUrl", r.command,
      r.working_directory as "workingDirectory", r.variables as "plainVariables",
      r.variables_secret as "variablesSecret", r.health_path as "healthPath",
      r.schema_version as "schemaVersion", r.created_at as "createdAt",
      a.slug as "appSlug", a.run_as_uid as "runAsUid", r.id is distinct from a.next_release_id as serves
    from apps a join releases r on r.app_id = a.id
    where r.command is not null and (r.id in (a.current_release_id, a.next_release_id) or ${isHeld})
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

/** What an upstream should say, and what it says. The current release's bears the app's id, a held one the release's. */
export type UpstreamTarget = { id: string; releaseId: string; wanted: string[]; present: string[] | null };

const targets = sql`
  select a.id as "appId", place.id, r.id as "releaseId", ${wantedUrls} as wanted,
    (select u.urls from upstreams u where u.id = place.id and u.release_id = r.id) as present
  from apps a join releases r on r.app_id = a.id
    cross join lateral (
      select a.id where r.id = a.current_release_id union all select r.id where ${isHeld}
    ) as place
`;

/** The apps of which an upstream says something else than it should: an instance went with its node, which told nobody. */
export async function selectStaleUpstreams(db: Db): Promise<string[]> {
  const { rows } = await sql<{ appId: string }>`
    select distinct "appId" from (${targets}) as target where present is distinct from wanted
  `.execute(db);
  return rows.map((row) => row.appId);
}

/** Where the releases of an app answer that environments are sent to. */
export async function selectUpstreamTargets(tx: Tx | Db, appId: string): Promise<UpstreamTarget[]> {
  const { rows } = await sql<UpstreamTarget>`${targets} where a.id = ${appId}`.execute(tx);
  return rows;
}

export async function upsertUpstream(
  tx: Tx,
  upstream: { id: string; appId: string; releaseId: string; urls: readonly string[] },
  version: number,
): Promise<void> {
  await sql`
    insert into upstreams (id, app_id, release_id, urls, version)
    values (${upstream.id}, ${upstream.appId}, ${upstream.releaseId}, ${upstream.urls}::text[], ${version})
    on conflict (id) do update set release_id = excluded.release_id, urls = excluded.urls, version = excluded.version
  `.execute(tx);
}
