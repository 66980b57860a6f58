import { type Db, sql, type Tx } from "../../infra/db/index.ts";

export type CacheServerRow = {
  id: string;
  name: string;
  purpose: "shared" | "own";
  secret: Buffer;
  version: string;
  users: boolean;
  databases: number;
  region: string | null;
  capacity: number;
  createdAt: Date;
  /** Environments whose caches stand there. */
  used: number;
  /** The numbers of its databases that are somebody's. */
  usedDatabases: number[];
};

const select = sql`
  select s.id, s.name, s.purpose, s.secret, s.version, s.users, s.databases, s.region, s.capacity,
    s.created_at as "createdAt", p.used::int, p.numbers as "usedDatabases"
  from cache_servers s cross join lateral (
    select count(*) as used,
      coalesce(array_agg((detail ->> 'database')::int) filter (where detail ? 'database'), '{}') as numbers
    from placements where kind = 'cache' and server_id = s.id
  ) p
`;

export async function selectCacheServers(
  db: Db | Tx,
  page: { limit: number; after?: string | undefined } = { limit: 1_000 },
): Promise<CacheServerRow[]> {
  const { rows } = await sql<CacheServerRow>`
    ${select} where ${page.after ? sql`s.id > ${page.after}::uuid` : sql`true`} order by s.id limit ${page.limit}
  `.execute(db);
  return rows;
}

export async function selectCacheServer(
  db: Db | Tx,
  which: { id: string } | { name: string },
): Promise<CacheServerRow | undefined> {
  const condition = "id" in which ? sql`s.id = ${which.id}` : sql`s.name = ${which.name}`;
  const { rows } = await sql<CacheServerRow>`${select} where ${condition}`.execute(db);
  return rows[0];
}

/** Until the commit nobody else chooses a server, or takes one out. */
export async function lockCacheServers(tx: Tx): Promise<void> {
  await sql`select from cache_servers order by id for update`.execute(tx);
}

/** False when another one has the name. */
export async function insertCacheServer(
  tx: Tx,
  server: Omit<CacheServerRow, "createdAt" | "used" | "usedDatabases">,
): Promise<boolean> {
  const { rows } = await sql`
    insert into cache_servers (id, name, purpose, secret, version, users, databases, region, capacity)
    values (${server.id}, ${server.name}, ${server.purpose}, ${server.secret}, ${server.version}, ${server.users},
      ${server.databases}, ${server.region}, ${server.capacity})
    on conflict (name) do nothing returning id
  `.execute(tx);
  return rows.length === 1;
}

/** Whether an operation makes or removes something there. */
export async function hasCacheResources(tx: Tx, serverId: string): Promise<boolean> {
  const { rows } = await sql`
    select from resources where kind = 'cache' and server_id = ${serverId} limit 1
  `.execute(tx);
  return rows.length > 0;
}

export async function deleteCacheServer(tx: Tx, id: string): Promise<void> {
  await sql`delete from cache_servers where id = ${id}`.execute(tx);
}
