import { type Db, sql, type Tx } from "../../infra/db/index.ts";

export type AppCacheRow = { appId: string; serverId: string; name: string; made: boolean };

const columns = sql`app_id as "appId", server_id as "serverId", name, made`;

export async function selectAppCache(db: Db | Tx, appId: string): Promise<AppCacheRow | undefined> {
  const { rows } = await sql<AppCacheRow>`
    select ${columns} from app_caches where app_id = ${appId}
  `.execute(db);
  return rows[0];
}

export async function selectAppCachesOn(db: Db | Tx, serverId: string): Promise<AppCacheRow[]> {
  const { rows } = await sql<AppCacheRow>`
    select ${columns} from app_caches where server_id = ${serverId} order by app_id
  `.execute(db);
  return rows;
}

/** Applications that have caches on servers which many may use, and no space of their own yet. */
export async function selectAppsWithoutCache(db: Db): Promise<{ appId: string; serverId: string }[]> {
  const { rows } = await sql<{ appId: string; serverId: string }>`
    select distinct on (t.app_id) t.app_id as "appId", p.server_id as "serverId"
    from placements p join environments e on e.id = p.environment_id join tenants t on t.id = e.tenant_id
      join cache_servers s on s.id = p.server_id and s.purpose = 'shared'
      left join app_caches a on a.app_id = t.app_id
    where p.kind = 'cache' and p.state = 'current' and a.made is not true
    order by t.app_id, s.id
  `.execute(db);
  return rows;
}

export async function insertAppCache(tx: Tx, cache: Omit<AppCacheRow, "made">): Promise<void> {
  await sql`
    insert into app_caches (app_id, server_id, name) values (${cache.appId}, ${cache.serverId}, ${cache.name})
    on conflict (app_id) do nothing
  `.execute(tx);
}

export async function updateAppCacheMade(tx: Tx, appId: string, made: boolean): Promise<void> {
  await sql`update app_caches set made = ${made} where app_id = ${appId}`.execute(tx);
}

export async function deleteAppCache(tx: Tx, appId: string): Promise<void> {
  await sql`delete from app_caches where app_id = ${appId}`.execute(tx);
}

/** Every environment of an application that its processes know. */
export async function selectEnvironmentIdsOfApp(tx: Tx, appId: string): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select e.id from environments e join tenants t on t.id = e.tenant_id where t.app_id = ${appId} order by e.id limit 1
  `.execute(tx);
  return rows.map(({ id }) => id);
}
