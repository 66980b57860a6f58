import { sql, type Tx } from "../../../infra/db/index.ts";

/** False while another node looks after the spares. */
export async function lockSpares(tx: Tx): Promise<boolean> {
  const { rows } = await sql<{
    locked: boolean;
  }>`select pg_try_advisory_xact_lock(7236003) as locked`.execute(tx);
  return rows[0]!.locked;
}

/** Where spares stand together that the same trouble keeps from being built. */
export function shelfOf({ level, serverId }: { level: string; serverId?: string }): string {
  if (level === "dedicated" || serverId === undefined) return level;
  return level === "database" ? serverId : `${level} ${serverId}`;
}

/** Spares of an application that have a server each. */
export type ServerShelf = {
  appId: string;
  level: "dedicated";
  schemaVersion: number;
  spares: number;
  building: number;
  takenLately: number;
  underWay: number;
};

/** What stands ready, or is being built, for each application of which an environment has a server to itself. */
export async function selectServerShelves(tx: Tx, kind: string, since: string): Promise<ServerShelf[]> {
  const { rows } = await sql<ServerShelf>`
    select a.id as "appId", 'dedicated' as level, a.schema_version as "schemaVersion",
      (select count(*) from databases d where d.app_id = a.id and d.level = 'dedicated' and d.state = 'spare'
        and d.schema_version = a.schema_version) as spares,
      (select count(*) from operations o where o.kind = ${kind} and o.input->>'level' = 'dedicated'
        and o.input->>'appId' = a.id::text
        and o.status in ('queued', 'running', 'waiting', 'cancelling', 'undoing')) as building,
      (select count(*) from placements p join databases d on d.id = p.database_id
        where p.id > ${since} and p.state = 'current' and d.level = 'dedicated' and d.app_id = a.id) as "takenLately",
      (select count(*) from operations o where not o.internal and o.status in ('queued', 'running')) as "underWay"
    from apps a where a.current_release_id is not null and exists (
      select from databases d where d.app_id = a.id and d.level = 'dedicated' and d.state = 'in_use')
    order by a.id
  `.execute(tx);
  return rows;
}

export type Shelf = {
  appId: string;
  schemaVersion: number;
  serverId: string;
  level: "database" | "schema";
  spares: number;
  /** Spares of this app and level being built on the server now. */
  building: number;
  /** Databases that the server has room for. */
  room: number;
  /** Environments that got a database of this app and level on the server lately, and have it. */
  takenLately: number;
  /** Operations that somebody waits for, anywhere. */
  underWay: number;
};

/**
 * What stands ready for each released app on each server that takes databases: databases, and schemas where an
 * environment of the app has one there. Lately is: by placements with a later id than `since`.
 */
export async function selectShelves(tx: Tx, kind: string, since: string): Promise<Shelf[]> {
  const { rows } = await sql<Shelf>`
    with open as (
      select kind, input, internal, status from operations
      where status in ('queued', 'running', 'waiting', 'cancelling', 'undoing')
    ), building as (
      select input->>'appId' as app_id, input->>'serverId' as server_id, input->>'level' as level, count(*) as count
      from open where kind = ${kind} group by 1, 2, 3
    ), taken as (
      select d.app_id, d.server_id, d.level, count(*) as count
      from placements p join databases d on d.id = p.database_id
      where p.id > ${since} and p.state = 'current' group by 1, 2, 3
    ), spares as (
      select d.app_id, d.server_id, d.level, d.schema_version, count(*) as count
      from databases d where d.state = 'spare' group by 1, 2, 3, 4
    )
    select a.id as "appId", a.schema_version as "schemaVersion", s.id as "serverId", l.level,
      coalesce(spares.count, 0) as spares, coalesce(building.count, 0) as building,
      coalesce(taken.count, 0) as "takenLately",
      s.capacity - (select count(*) from databases d where d.server_id = s.id and d.state <> 'blueprint') as room,
      (select count(*) from open where not internal and status in ('queued', 'running')) as "underWay"
    from apps a cross join database_servers s cross join (values ('database'), ('schema')) as l (level)
    left join spares on spares.app_id = a.id and spares.server_id = s.id and spares.level = l.level
      and spares.schema_version = a.schema_version
    left join building on building.app_id = a.id::text and building.server_id = s.id::text
      and building.level = l.level
    left join taken on taken.app_id = a.id and taken.server_id = s.id and taken.level = l.level
    where a.current_release_id is not null and s.state = 'ready' and s.kind <> 'directory'
      and not s.dedicated and s.tenant_id is null and s.tenant_slug is null
      and (l.level = 'database' or exists (select from databases d
        where d.app_id = a.id and d.server_id = s.id and d.level = l.level and d.state = 'in_use'))
    order by a.id, s.id, l.level
  `.execute(tx);
  return rows;
}

/**
 * Marks one spare of each full server for removal, of what most stand there of, and answers them: somebody else's
 * database may be wanted next. Not while something there is on its way out already.
 */
export async function markCrowding(tx: Tx): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    update databases d set state = 'removing' where d.state = 'spare' and d.id in (
      select distinct on (spare.server_id) spare.id from (
        select id, server_id, count(*) over (partition by server_id, app_id, level) as alike
        from databases where state = 'spare'
      ) as spare
      join database_servers s on s.id = spare.server_id and not s.dedicated
      where s.capacity <= (select count(*) from databases n where n.server_id = s.id and n.state <> 'blueprint')
        and not exists (select from databases n where n.server_id = s.id and n.state = 'removing')
      order by spare.server_id, spare.alike desc, spare.id
    ) returning d.id
  `.execute(tx);
  return rows.map((row) => row.id);
}

/** Marks the newest spare of a shelf for removal: the oldest is taken first. */
export async function markSurplus(
  tx: Tx,
  shelf: { appId: string; level: string; schemaVersion: number; serverId?: string },
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    update databases set state = 'removing' where state = 'spare' and id = (
      select id from databases where state = 'spare' and app_id = ${shelf.appId} and level = ${shelf.level}
        and schema_version = ${shelf.schemaVersion}
        and (${shelf.serverId ?? null}::uuid is null or server_id = ${shelf.serverId ?? null}::uuid)
      order by id desc limit 1 for update skip locked
    ) returning id
  `.execute(tx);
  return rows.map((row) => row.id);
}

/** Databases for many environments that have none, on servers that are being drained. */
export async function selectDeserted(tx: Tx, limit: number): Promise<{ id: string; appId: string }[]> {
  const { rows } = await sql<{ id: string; appId: string }>`
    select d.id, d.app_id as "appId" from databases d join database_servers s on s.id = d.server_id
    where s.state = 'draining' and d.state = 'in_use' and d.level = 'shared' and ${isDeserted} limit ${limit}
  `.execute(tx);
  return rows;
}

/** Marks one for removal, unless somebody has come. Hold the lock under which they come. */
export async function markDeserted(tx: Tx, id: string): Promise<boolean> {
  const { rows } = await sql`
    update databases d set state = 'removing' where d.id = ${id} and ${isDeserted} returning d.id
  `.execute(tx);
  return rows.length === 1;
}

const isDeserted = sql`not exists (select from placements p where p.database_id = d.id)`;

/**
 * Marks spares and blueprints for removal, a few at a time, and answers them: of older schema versions, on servers that
 * are being drained, and servers and schemas that stand ready for applications none of whose environments has one; and
 * blueprints, half done long ago, that nobody comes back to. A blueprint that something is still being built from is found
 * again.
 */
export async function markOutdated(tx: Tx, limit: number): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    update databases d set state = 'removing'
    where d.id in (
      select d.id from databases d join apps a on a.id = d.app_id
      where d.state = 'creating' and d.name like 'tnb\\_%' and d.schema_version <> a.schema_version
          and d.created_at < now() - interval '1 hour'
        or d.state in ('spare', 'blueprint') and (
        d.schema_version < a.schema_version
        or exists (select from database_servers s where s.id = d.server_id and s.state = 'draining')
        or d.state = 'spare' and d.level in ('dedicated', 'schema') and not exists (
          select from databases used where used.app_id = d.app_id and used.level = d.level and used.state = 'in_use')
      )
      order by d.state desc, d.id limit ${limit} for update of d skip locked
    )
    returning d.id
  `.execute(tx);
  return rows.map((row) => row.id);
}
