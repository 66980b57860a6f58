import { type Db, sql, type Tx } from "../../../infra/db/index.ts";
import type { ServerRow } from "./servers.sql.ts";

type Change = {
  urlSecret?: Buffer | undefined;
  region?: string | null | undefined;
  capacity?: number | undefined;
  maxBackends?: number | undefined;
  statementTimeoutMs?: number | null | undefined;
  state?: "ready" | "draining" | undefined;
};

/** Changes what is given. The servers that we start, and the files that we keep, stand where the one does that the installation brings along. */
export async function updateServer(tx: Tx, server: ServerRow, change: Change): Promise<void> {
  const next = {
    ...server,
    ...Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)),
  };
  await sql`
    update database_servers set url_secret = ${next.urlSecret}, region = ${next.region}, capacity = ${next.capacity},
      max_backends = ${next.maxBackends}, statement_timeout_ms = ${next.statementTimeoutMs}, state = ${next.state}
    where id = ${server.id}
  `.execute(tx);
  if (server.kind !== "embedded") return;
  await sql`
    update database_servers set region = ${next.region} where kind = 'embedded' and dedicated or kind = 'directory'
  `.execute(tx);
}

/** The first slugs of tenants with databases on a server, whose region is another one than this. */
export async function selectPinnedElsewhere(
  tx: Tx,
  serverId: string,
  region: string | null,
): Promise<string[]> {
  const { rows } = await sql<{ slug: string }>`
    select distinct t.slug from placements p
    join databases d on d.id = p.database_id join database_servers s on s.id = d.server_id
    join environments e on e.id = p.environment_id join tenants t on t.id = e.tenant_id
    where (s.id = ${serverId} or (s.kind = 'embedded' and s.dedicated or s.kind = 'directory') and exists (
        select from database_servers main where main.id = ${serverId} and main.kind = 'embedded'))
      and t.region is not null and t.region is distinct from ${region}
    order by t.slug limit 5
  `.execute(tx);
  return rows.map((row) => row.slug);
}

/** What databases on a server are called, as far as they are finished. */
export async function selectStandingNames(db: Db, serverId: string): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select name from databases where server_id = ${serverId} and state not in ('creating', 'removing') order by name
  `.execute(db);
  return rows.map((row) => row.name);
}
