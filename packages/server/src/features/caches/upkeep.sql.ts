import { type Db, sql, type Tx } from "../../infra/db/index.ts";

export type StandingCache = {
  id: string;
  environmentId: string;
  driver: string;
  serverId: string | null;
  name: string;
  admitted: boolean;
  /** Whether its tenant's state lets it be used, and no move has closed it. */
  usable: boolean;
  moving: boolean;
};

const select = sql`
  select p.id, p.environment_id as "environmentId", p.driver, p.server_id as "serverId", p.physical_name as name,
    p.admitted, t.status not in ('suspended', 'deleting', 'purging', 'deleted') and not e.moving as usable, e.moving
  from placements p join environments e on e.id = p.environment_id join tenants t on t.id = e.tenant_id
`;

export async function selectCachesOf(
  db: Db | Tx,
  environmentIds: readonly string[],
): Promise<StandingCache[]> {
  const { rows } = await sql<StandingCache>`
    ${select} where p.kind = 'cache' and p.state = 'current' and p.environment_id = any (${environmentIds}::uuid[])
    order by p.id
  `.execute(db);
  return rows;
}

/** Caches whose users are let in and shouldn't be, or the other way round. */
export async function selectWronglyAdmitted(db: Db, limit: number): Promise<StandingCache[]> {
  const { rows } = await sql<StandingCache>`
    ${select} where p.kind = 'cache' and p.state = 'current' and p.server_id is not null and not e.moving
      and p.admitted <> (t.status not in ('suspended', 'deleting', 'purging', 'deleted'))
    order by p.id limit ${limit}
  `.execute(db);
  return rows;
}

/** A page of the caches that stand on servers, by their ids. */
export async function selectStandingCaches(
  db: Db,
  after: string | undefined,
  limit: number,
): Promise<StandingCache[]> {
  const { rows } = await sql<StandingCache>`
    ${select} where p.kind = 'cache' and p.state = 'current' and p.server_id is not null
      and (${after ?? null}::uuid is null or p.id > ${after ?? null}::uuid)
    order by p.id limit ${limit}
  `.execute(db);
  return rows;
}

export async function updateAdmitted(db: Db | Tx, id: string, admitted: boolean): Promise<void> {
  await sql`update placements set admitted = ${admitted} where id = ${id}`.execute(db);
}

export async function raiseGeneration(tx: Tx, id: string): Promise<void> {
  await sql`update placements set generation = generation + 1 where id = ${id}`.execute(tx);
}
