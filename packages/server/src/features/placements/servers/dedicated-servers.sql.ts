import { type Db, sql, type Tx } from "../../../infra/db/index.ts";
import type { ServerRow } from "./servers.sql.ts";

/** A server that was being made runs: databases may be made there. */
export async function updateServerUp(
  tx: Tx,
  server: Pick<ServerRow, "id" | "urlSecret" | "versionNumber" | "maxBackends">,
): Promise<void> {
  await sql`
    update database_servers set url_secret = ${server.urlSecret}, version_number = ${server.versionNumber},
      max_backends = ${server.maxBackends}, state = 'ready'
    where id = ${server.id} and state = 'creating'
  `.execute(tx);
}

/** A server that runs again, maybe at another port. Its state is what it was, unless it was away. */
export async function updateServerUrl(tx: Tx, id: string, urlSecret: Buffer): Promise<void> {
  await sql`
    update database_servers set url_secret = ${urlSecret},
      state = case state when 'unavailable' then 'ready' else state end
    where id = ${id}
  `.execute(tx);
}

export async function updateServerState(tx: Tx, id: string, state: ServerRow["state"]): Promise<void> {
  await sql`update database_servers set state = ${state} where id = ${id}`.execute(tx);
}

/** Forgets a server that is gone, with all that stood on it; but for what an environment still has a placement for. */
export async function deleteServerWhole(db: Db | Tx, id: string): Promise<void> {
  const placed = sql`
    select from placements p join databases d on d.id = p.database_id where d.server_id = ${id}
  `;
  await sql`
    with gone as (delete from databases where server_id = ${id} and not exists (${placed})),
      forgotten as (delete from resources where server_id = ${id})
    delete from database_servers where id = ${id} and not exists (${placed})
  `.execute(db);
}

/** The environments whose databases stand on a server. */
export async function selectEnvironmentsOn(db: Db | Tx, serverId: string): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select p.environment_id as id from placements p join databases d on d.id = p.database_id
    where d.server_id = ${serverId}
  `.execute(db);
  return rows.map((row) => row.id);
}

/** The servers that we start ourselves and that have been up before. */
export async function selectStartedServers(db: Db): Promise<ServerRow["id"][]> {
  const { rows } = await sql<{ id: string }>`
    select id from database_servers
    where kind = 'embedded' and dedicated and state in ('ready', 'unavailable', 'draining') order by id
  `.execute(db);
  return rows.map((row) => row.id);
}
