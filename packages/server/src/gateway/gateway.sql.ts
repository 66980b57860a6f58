import { type Db, sql } from "../infra/db/index.ts";
import type { GatewaySettings, Route, Tombstone, Upstream } from "./route.ts";

const routeColumns = sql`
  hostname, environment_id as "environmentId", environment_name as "environmentName", tenant_id as "tenantId",
  tenant_slug as "tenantSlug", tenant_name as "tenantName", app_id as "appId", upstream_id as "upstreamId", status,
  status_reason as "statusReason", message, retry_after_seconds as "retryAfterSeconds", progress,
  redirect_to as "redirectTo",
  (extract(epoch from expires_at) * 1000)::float8 as "expiresAt", version
`;

/**
 * The newest visible version of the stream, and the newest of which tombstones were removed: all that is asked twice a
 * second.
 */
export async function selectVersions(db: Db): Promise<{ version: number; forgottenVersion: number }> {
  const { rows } = await sql<{ version: number; forgottenVersion: number }>`
    select version, forgotten_version as "forgottenVersion" from stream_versions where stream = 'routes'
  `.execute(db);
  return rows[0]!;
}

export async function selectChangedRoutes(db: Db, since: number): Promise<Route[]> {
  const { rows } = await sql<Route>`
    select ${routeColumns} from routes where version > ${since}
  `.execute(db);
  return rows;
}

/** One page of all routes, by hostname. */
export async function selectRoutes(db: Db, after: string, limit: number): Promise<Route[]> {
  const { rows } = await sql<Route>`
    select ${routeColumns} from routes where hostname > ${after} order by hostname limit ${limit}
  `.execute(db);
  return rows;
}

export async function selectChangedUpstreams(db: Db, since: number): Promise<Upstream[]> {
  const { rows } = await sql<Upstream>`
    select id, urls, version from upstreams where version > ${since}
  `.execute(db);
  return rows;
}

export async function selectTombstones(db: Db, since: number): Promise<Tombstone[]> {
  const { rows } = await sql<Tombstone>`
    select key, version from stream_tombstones where stream = 'routes' and version > ${since} order by version
  `.execute(db);
  return rows;
}

export async function selectGatewaySettings(db: Db): Promise<GatewaySettings> {
  const { rows } = await sql<GatewaySettings>`
    select automatic_tls as "automaticTls" from gateway_settings
  `.execute(db);
  return rows[0]!;
}
