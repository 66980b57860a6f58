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

/** What has to be gone when environments are: names, and the servers where things of those names may stand. */
export type Traces = { names: string[]; serverIds: string[] };

/** The physical name of everything that environments have to themselves, roles included. */
export async function selectTraces(db: Db | Tx, environmentIds: readonly string[]): Promise<Traces> {
  const { rows } = await sql<{ name: string; serverId: string | null }>`
    select p.physical_name as name, coalesce(d.server_id, p.server_id) as "serverId"
    from placements p left join databases d on d.id = p.database_id
    where p.environment_id = any (${environmentIds}::uuid[]) and p.physical_name is not null
    union
    select d.role_name, d.server_id from placements p join databases d on d.id = p.database_id
    where p.environment_id = any (${environmentIds}::uuid[]) and d.role_name is not null and d.level <> 'shared'
    union
    select r.physical_name, r.server_id from resources r
    where r.environment_id = any (${environmentIds}::uuid[])
      and not exists (select from databases d where d.level = 'shared' and d.state = 'in_use'
        and d.server_id = r.server_id and r.physical_name in (d.name, d.role_name))
  `.execute(db);
  const unique = (values: (string | null)[]) => [...new Set(values)].filter((value) => value !== null);
  return {
    names: unique(rows.map(({ name }) => name)),
    serverIds: unique(rows.map(({ serverId }) => serverId)),
  };
}
