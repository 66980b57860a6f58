import { type Db, sql, type Tx } from "../../infra/db/index.ts";

export type ServerRow = {
  id: string;
  name: string;
  kind: "embedded" | "external";
  urlSecret: Buffer;
  versionNumber: number;
  region: string | null;
  capacity: number;
  maxBackends: number;
  state: "ready" | "unavailable" | "draining";
  createdAt: Date;
};

const columns = sql`
  s.id, s.name, s.kind, s.url_secret as "urlSecret", s.version_number as "versionNumber", s.region, s.capacity,
  s.max_backends as "maxBackends", s.state, s.created_at as "createdAt"
`;

type NewServer = Omit<ServerRow, "state" | "createdAt">;

/** False when another server has the name. */
export async function insertServer(tx: Tx, server: NewServer): Promise<boolean> {
  const { rows } = await sql`
    insert into database_servers (id, name, kind, url_secret, version_number, region, capacity, max_backends)
    values (${server.id}, ${server.name}, ${server.kind}, ${server.urlSecret}, ${server.versionNumber},
      ${server.region}, ${server.capacity}, ${server.maxBackends})
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

/** How many databases stand on each server, spares and blueprints included. */
export async function countDatabases(
  db: Db | Tx,
  serverIds: readonly string[],
): Promise<Map<string, number>> {
  const { rows } = await sql<{ serverId: string; count: number }>`
    select server_id as "serverId", count(*) as count from databases
    where server_id = any (${serverIds}::uuid[]) group by server_id
  `.execute(db);
  return new Map(rows.map((row) => [row.serverId, row.count]));
}

/** The ready server with the most room, in the region when one is given. */
export async function selectRoomiestServer(
  tx: Tx,
  region: string | undefined,
): Promise<ServerRow | undefined> {
  const { rows } = await sql<ServerRow>`
    select ${columns} from database_servers s
    cross join lateral (select count(*) as used from databases d where d.server_id = s.id) as d
    where s.state = 'ready' and d.used < s.capacity and (${region ?? null}::text is null or s.region = ${region ?? null})
    order by s.capacity - d.used desc, s.id limit 1
  `.execute(tx);
  return rows[0];
}

/** False when databases stand on it. */
export async function deleteServer(tx: Tx, id: string): Promise<boolean> {
  const { rows } = await sql`
    delete from database_servers s where s.id = ${id}
      and not exists (select from databases d where d.server_id = s.id)
    returning s.id
  `.execute(tx);
  return rows.length === 1;
}
