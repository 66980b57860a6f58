import { type Db, sql, type Tx } from "../../../infra/db/index.ts";

export type ServerWanted = {
  level: string;
  region?: string | undefined;
  /** Whose environment it is for; none for what belongs to no tenant. */
  environmentId?: string | undefined;
  /** This one and no other. */
  serverId?: string | undefined;
};

/** What is counted against a server's capacity. */
const used = sql`
  select count(*) as used from databases d where d.server_id = s.id and d.state <> 'blueprint'
`;

/**
 * The servers that may hold an environment's database, whether or not there is room. A tenant with a server of its own
 * lives there and nowhere else, be it away for a moment; only the level `shared` is by its nature with others.
 */
const eligible = (wanted: ServerWanted) => sql`
  (s.kind = 'directory') = ${wanted.level === "sqlite"}
  and (${wanted.region ?? null}::text is null or s.region = ${wanted.region ?? null})
  and (s.kind = 'external' or not s.dedicated)
  and case when s.tenant_id is null then s.tenant_slug is null and not exists (${ownServers(wanted)})
      else s.id in (${ownServers(wanted)}) end
  and (s.dedicated = ${wanted.level === "dedicated"} or s.tenant_id is not null)
  and (${wanted.serverId ?? null}::uuid is null or s.id = ${wanted.serverId ?? null}::uuid)
`;

const ownServers = ({ level, environmentId }: ServerWanted) => sql`
  select own.id from environments e join database_servers own on own.tenant_id = e.tenant_id
  where e.id = ${environmentId ?? null}::uuid and ${level} <> 'shared' and own.state in ('ready', 'unavailable')
`;

/** Whoever else chooses a server waits until our transaction ends, and then sees what we took. */
export async function lockPlacing(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(7236012)`.execute(tx);
}

/** The server that is least full; of several, the one with the most room. */
export async function selectLeastFull(tx: Tx, wanted: ServerWanted): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`
    select s.id from database_servers s cross join lateral (${used}) as u
    where s.state = 'ready' and ${eligible(wanted)} and u.used < s.capacity
      and (${wanted.level} <> 'dedicated' or u.used = 0)
      and not exists (select from databases d where d.server_id = s.id and d.level = 'dedicated')
    order by u.used::float / s.capacity, s.capacity - u.used desc, s.id limit 1
  `.execute(tx);
  return rows[0]?.id;
}

/** Whether there is any server for it, with room or without. */
export async function selectEligible(
  db: Db | Tx,
  wanted: ServerWanted,
): Promise<{ name: string; state: string; isOwn: boolean }[]> {
  const { rows } = await sql<{ name: string; state: string; isOwn: boolean }>`
    select s.name, s.state, s.tenant_id is not null as "isOwn" from database_servers s
    where ${eligible(wanted)} and s.state in ('ready', 'unavailable') order by s.name
  `.execute(db);
  return rows;
}

/** Whether the environment's tenant has a server of its own, where all its databases go. */
export async function hasOwnServer(tx: Tx, environmentId: string): Promise<boolean> {
  const { rows } = await sql`select 1 where exists (${ownServers({ level: "", environmentId })})`.execute(tx);
  return rows.length > 0;
}

/** The region that the servers stand in which we start ourselves: that of the one with the registry. */
export async function selectOwnRegion(db: Db | Tx): Promise<string | null> {
  const { rows } = await sql<{ region: string | null }>`
    select region from database_servers where kind = 'embedded' and not dedicated order by id limit 1
  `.execute(db);
  return rows[0]?.region ?? null;
}

/** The machines that operations are run on. */
export async function selectWorkerHosts(db: Db | Tx): Promise<string[]> {
  const { rows } = await sql<{ host: string }>`
    select distinct host from nodes where 'worker' = any (string_to_array(role, ',')) order by host
  `.execute(db);
  return rows.map((row) => row.host);
}

/** False when a database more would be one too many. */
export async function hasRoom(tx: Tx, serverId: string): Promise<boolean> {
  const { rows } = await sql<{ room: boolean }>`
    select u.used < s.capacity as room from database_servers s cross join lateral (${used}) as u
    where s.id = ${serverId}
  `.execute(tx);
  return rows[0]?.room ?? false;
}

/** The server whose being there is all that matters: for trying migrations out. */
export async function selectAnyServer(tx: Tx, except: readonly string[]): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`
    select s.id from database_servers s cross join lateral (${used}) as u
    where s.state = 'ready' and s.kind <> 'directory' and not s.dedicated
      and s.tenant_id is null and s.tenant_slug is null and s.id <> all (${except}::uuid[])
    order by u.used::float / s.capacity, s.id limit 1
  `.execute(tx);
  return rows[0]?.id;
}
