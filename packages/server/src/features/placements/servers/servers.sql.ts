import { type Db, sql, type Tx } from "../../../infra/db/index.ts";

export type ServerRow = {
  id: string;
  name: string;
  kind: "embedded" | "external" | "directory";
  /** None before a server that we start ourselves has come up for the first time. */
  urlSecret: Buffer | null;
  versionNumber: number;
  region: string | null;
  capacity: number;
  maxBackends: number;
  /** Takes one environment at the level `dedicated`, and no other. */
  dedicated: boolean;
  /** Whose own it is. The slug may wait for a tenant that isn't there yet. */
  tenantId: string | null;
  tenantSlug: string | null;
  statementTimeoutMs: number | null;
  state: "creating" | "ready" | "unavailable" | "draining" | "removing";
  createdAt: Date;
};

const columns = sql`
  s.id, s.name, s.kind, s.url_secret as "urlSecret", s.version_number as "versionNumber", s.region, s.capacity,
  s.max_backends as "maxBackends", s.dedicated, s.tenant_id as "tenantId",
  coalesce((select slug from tenants t where t.id = s.tenant_id), s.tenant_slug) as "tenantSlug",
  s.statement_timeout_ms as "statementTimeoutMs", s.state, s.created_at as "createdAt"
`;

type Optional = "dedicated" | "tenantId" | "tenantSlug" | "statementTimeoutMs" | "state";
export type NewServer = Omit<ServerRow, Optional | "createdAt"> & Partial<Pick<ServerRow, Optional>>;

/** False when another server has the name. */
export async function insertServer(tx: Tx, server: NewServer): Promise<boolean> {
  const { rows } = await sql`
    insert into database_servers (id, name, kind, url_secret, version_number, region, capacity, max_backends,
      dedicated, tenant_id, tenant_slug, statement_timeout_ms, state)
    values (${server.id}, ${server.name}, ${server.kind}, ${server.urlSecret}, ${server.versionNumber},
      ${server.region}, ${server.capacity}, ${server.maxBackends}, ${server.dedicated ?? false},
      ${server.tenantId ?? null}, ${server.tenantSlug ?? null}, ${server.statementTimeoutMs ?? null},
      ${server.state ?? "ready"})
    on conflict (name) do nothing returning id
  `.execute(tx);
  return rows.length === 1;
}

/** A server that we start ourselves may have another URL, version and size each time. */
export async function updateOwnServer(
  tx: Tx,
  server: Pick<ServerRow, "id" | "urlSecret" | "versionNumber" | "maxBackends">,
): Promise<void> {
  await sql`
    update database_servers set url_secret = ${server.urlSecret}, version_number = ${server.versionNumber},
      max_backends = ${server.maxBackends}
    where id = ${server.id}
  `.execute(tx);
}

export async function selectServer(db: Db | Tx, id: string): Promise<ServerRow | undefined> {
  const { rows } = await sql<ServerRow>`
    select ${columns} from database_servers s where s.id = ${id}
  `.execute(db);
  return rows[0];
}

export async function selectServerByName(db: Db | Tx, name: string): Promise<ServerRow | undefined> {
  const { rows } = await sql<ServerRow>`
    select ${columns} from database_servers s where s.name = ${name}
  `.execute(db);
  return rows[0];
}

export async function selectServers(
  db: Db | Tx,
  page: { limit: number; after?: string } = { limit: 1_000 },
): Promise<ServerRow[]> {
  const { rows } = await sql<ServerRow>`
    select ${columns} from database_servers s
    where ${page.after ? sql`s.id > ${page.after}::uuid` : sql`true`}
    order by s.id limit ${page.limit}
  `.execute(db);
  return rows;
}

/** The directories of SQLite files, of whichever machines. */
export async function selectDirectories(db: Db | Tx): Promise<ServerRow[]> {
  const { rows } = await sql<ServerRow>`
    select ${columns} from database_servers s where s.kind = 'directory' order by s.id
  `.execute(db);
  return rows;
}

/** How many databases stand on each server: spares included, blueprints not. */
export async function countDatabases(
  db: Db | Tx,
  serverIds: readonly string[],
): Promise<Map<string, number>> {
  const { rows } = await sql<{ serverId: string; count: number }>`
    select server_id as "serverId", count(*) as count from databases
    where server_id = any (${serverIds}::uuid[]) and state <> 'blueprint' group by server_id
  `.execute(db);
  return new Map(rows.map((row) => [row.serverId, row.count]));
}

/** How many environments' databases stand on it. */
export async function countEnvironmentsOn(db: Db | Tx, serverId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from placements p join databases d on d.id = p.database_id where d.server_id = ${serverId}
  `.execute(db);
  return rows[0]!.count;
}

/** False when databases stand on it. */
export async function deleteServer(tx: Tx, id: string): Promise<boolean> {
  const { rows } = await sql`
    with gone as (
      delete from database_servers s where s.id = ${id}
        and not exists (select from databases d where d.server_id = s.id)
      returning s.id
    ), forgotten as (delete from resources r using gone where r.server_id = gone.id)
    select id from gone
  `.execute(tx);
  return rows.length === 1;
}

/** Whether that is news. A server that is being drained stays so. */
export async function updateReachability(
  tx: Tx,
  id: string,
  state: "ready" | "unavailable",
): Promise<boolean> {
  const { rows } = await sql`
    update database_servers set state = ${state}
    where id = ${id} and state in ('ready', 'unavailable') and state <> ${state} returning id
  `.execute(tx);
  return rows.length === 1;
}

/** Operations that wait for an operator because this server was away. */
export async function selectStranded(tx: Tx, serverId: string): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select o.id from operations o where o.status = 'needs_operator'
      and exists (select from operation_steps s where s.operation_id = o.id and s.status <> 'done'
        and s.error->>'code' = 'server_unreachable')
      and (o.input->>'serverId' = ${serverId}
        or exists (select from resources r where r.operation_id = o.id and r.server_id = ${serverId})
        or exists (select from placements p join databases d on d.id = p.database_id
          where p.environment_id = o.environment_id and d.server_id = ${serverId}))
    order by o.id
  `.execute(tx);
  return rows.map(({ id }) => id);
}

/** Servers that were registered for a tenant before there was one are its own from now on. */
export async function giveServersTo(tx: Tx, tenant: { tenantId: string; slug: string }): Promise<void> {
  await sql`
    update database_servers set tenant_id = ${tenant.tenantId}
    where tenant_id is null and tenant_slug = ${tenant.slug} and state <> 'draining'
  `.execute(tx);
}

/** A tenant's own servers serve nobody after it: not another one either who comes to have its slug. */
export async function retireServersOf(tx: Tx, tenantId: string): Promise<void> {
  await sql`
    update database_servers s set state = 'draining', tenant_slug = t.slug
    from tenants t where s.tenant_id = ${tenantId} and t.id = s.tenant_id
  `.execute(tx);
}
