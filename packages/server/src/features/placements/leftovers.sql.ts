import { type Db, sql, type Tx } from "../../infra/db/index.ts";

/** Names on a server that an operation is making, has made or removes. */
export async function selectDeclared(db: Db, serverId: string): Promise<{ kind: string; name: string }[]> {
  const { rows } = await sql<{ kind: string; name: string }>`
    select kind, physical_name as name from resources where server_id = ${serverId}
  `.execute(db);
  return rows;
}

/** Names that placements of a driver on a server give; `settled` when the thing should stand. */
export async function selectPlacedNames(
  db: Db,
  { kind, driver, serverId }: { kind: "storage" | "cache"; driver: string; serverId: string | null },
): Promise<{ name: string; settled: boolean }[]> {
  const { rows } = await sql<{ name: string; settled: boolean }>`
    select physical_name as name, state = 'current' as settled from placements
    where kind = ${kind} and driver = ${driver} and server_id is not distinct from ${serverId}::uuid
      and physical_name is not null
  `.execute(db);
  return rows;
}

/** The physical name of everything that environments have to themselves, roles included. */
export async function physicalNames(db: Db | Tx, environmentIds: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select p.physical_name as name from placements p
    where p.environment_id = any (${environmentIds}::uuid[]) and p.physical_name is not null
    union
    select d.role_name from placements p join databases d on d.id = p.database_id
    where p.environment_id = any (${environmentIds}::uuid[]) and d.role_name is not null and d.level <> 'shared'
    union
    select r.physical_name from resources r
    where r.environment_id = any (${environmentIds}::uuid[])
      and not exists (select from databases d where d.level = 'shared' and d.state = 'in_use'
        and d.server_id = r.server_id and r.physical_name in (d.name, d.role_name))
  `.execute(db);
  return rows.map((row) => row.name);
}
