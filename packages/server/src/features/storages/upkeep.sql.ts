import { type Db, sql, type Tx } from "../../infra/db/index.ts";

export type StandingStorage = {
  id: string;
  driver: string;
  serverId: string;
  name: string;
  /** Whether its tenant's state lets it be used. */
  usable: boolean;
};

/** Places whose keys are let in and shouldn't be, or the other way round; not those that a move has closed. */
export async function selectWronglyAdmittedStorages(db: Db, limit: number): Promise<StandingStorage[]> {
  const { rows } = await sql<StandingStorage>`
    select p.id, p.driver, p.server_id as "serverId", p.physical_name as name,
      t.status not in ('suspended', 'deleting', 'purging', 'deleted') as usable
    from placements p join environments e on e.id = p.environment_id join tenants t on t.id = e.tenant_id
    where p.kind = 'storage' and p.state = 'current' and p.server_id is not null and not e.moving
      and p.admitted <> (t.status not in ('suspended', 'deleting', 'purging', 'deleted'))
    order by p.id limit ${limit}
  `.execute(db);
  return rows;
}

export type UsedStorage = Omit<StandingStorage, "usable"> & { tenantId: string; environmentId: string };

/** A page of the places on servers whose keys are let in, by their ids; or one of them. */
export async function selectUsedStorages(
  db: Db | Tx,
  { only, after, limit = 1 }: { only?: string; after?: string | undefined; limit?: number },
): Promise<UsedStorage[]> {
  const { rows } = await sql<UsedStorage>`
    select p.id, p.driver, p.server_id as "serverId", p.physical_name as name, t.id as "tenantId",
      e.id as "environmentId"
    from placements p join environments e on e.id = p.environment_id join tenants t on t.id = e.tenant_id
    where p.kind = 'storage' and p.state = 'current' and p.server_id is not null and p.admitted
      and t.status = 'active' and e.status in ('ready', 'maintenance') and not e.moving
      and (${only ?? null}::uuid is null or p.id = ${only ?? null}::uuid)
      and (${after ?? null}::uuid is null or p.id > ${after ?? null}::uuid)
    order by p.id limit ${limit}
  `.execute(db);
  return rows;
}

export async function updateStorageAdmitted(db: Db, id: string, admitted: boolean): Promise<void> {
  await sql`update placements set admitted = ${admitted} where id = ${id} and state = 'current'`.execute(db);
}
