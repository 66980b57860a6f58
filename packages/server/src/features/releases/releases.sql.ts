import { type Db, sql, type Tx } from "../../infra/db/index.ts";

export type ReleaseRow = {
  id: string;
  appId: string;
  number: number;
  upstreamUrl: string | null;
  command: string | null;
  workingDirectory: string | null;
  variables: Record<string, string>;
  healthPath: string;
  schemaVersion: number;
  createdAt: Date;
};

const columns = sql`
  id, app_id as "appId", number, upstream_url as "upstreamUrl", command, working_directory as "workingDirectory",
  variables, health_path as "healthPath", schema_version as "schemaVersion", created_at as "createdAt"
`;

export async function insertRelease(
  tx: Tx,
  release: Omit<ReleaseRow, "number" | "createdAt">,
): Promise<number> {
  const { rows } = await sql<{ number: number }>`
    insert into releases (id, app_id, number, upstream_url, command, working_directory, variables, health_path,
      schema_version)
    select ${release.id}, ${release.appId}, coalesce(max(number), 0) + 1, ${release.upstreamUrl}, ${release.command},
      ${release.workingDirectory}, ${JSON.stringify(release.variables)}::jsonb, ${release.healthPath},
      ${release.schemaVersion}::int
    from releases where app_id = ${release.appId}
    returning number
  `.execute(tx);
  return rows[0]!.number;
}

export async function selectRelease(db: Db | Tx, id: string): Promise<ReleaseRow | undefined> {
  const { rows } = await sql<ReleaseRow>`select ${columns} from releases where id = ${id}`.execute(db);
  return rows[0];
}

/** The current release of every app, for whoever keeps them running. */
export async function selectCurrentReleases(
  db: Db,
): Promise<(ReleaseRow & { appSlug: string; runAsUid: number })[]> {
  const { rows } = await sql<ReleaseRow & { appSlug: string; runAsUid: number }>`
    select r.id, r.app_id as "appId", r.number, r.upstream_url as "upstreamUrl", r.command,
      r.working_directory as "workingDirectory", r.variables, r.health_path as "healthPath",
      r.schema_version as "schemaVersion", r.created_at as "createdAt",
      a.slug as "appSlug", a.run_as_uid as "runAsUid"
    from apps a join releases r on r.id = a.current_release_id
  `.execute(db);
  return rows;
}

/** Where gateways find the app from now on. The shared upstream of an app has the app's own id. */
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

export type InstanceRow = {
  id: string;
  appId: string;
  releaseId: string;
  url: string | null;
  state: "starting" | "healthy" | "backing_off" | "stopped";
  restarts: number;
  lastError: string | null;
};

export async function selectInstances(db: Db | Tx, appIds: readonly string[]): Promise<InstanceRow[]> {
  const { rows } = await sql<InstanceRow>`
    select id, app_id as "appId", release_id as "releaseId", url, state, restarts, last_error as "lastError"
    from instances where app_id = any (${appIds}::uuid[]) order by id
  `.execute(db);
  return rows;
}
