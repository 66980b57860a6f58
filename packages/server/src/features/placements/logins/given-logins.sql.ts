import { type Db, sql } from "../../../infra/db/index.ts";

/** Logins that stand, or were being removed, by what was declared of them. */
export async function selectGivenLogins(
  db: Db,
  environmentId: string,
): Promise<{ driver: string; serverId: string; name: string }[]> {
  const { rows } = await sql<{ driver: string; serverId: string; name: string }>`
    select r.driver, r.server_id as "serverId", r.physical_name as name
    from resources r join database_servers s on s.id = r.server_id
    where r.environment_id = ${environmentId} and r.kind = 'role' and starts_with(r.physical_name, 'tnl_')
    order by r.physical_name
  `.execute(db);
  return rows;
}
