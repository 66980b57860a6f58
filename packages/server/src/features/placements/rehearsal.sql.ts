import { type Db, sql } from "../../infra/db/index.ts";
import type { DatabaseRow } from "./databases.sql.ts";

/** The database in which an environment lives at present. */
export async function selectRehearsed(
  db: Db,
  environmentId: string,
): Promise<(DatabaseRow & { environmentId: string }) | undefined> {
  const { rows } = await sql<DatabaseRow & { environmentId: string }>`
    select d.id, d.server_id as "serverId", d.app_id as "appId", d.level, d.name, d.schema_version as "schemaVersion",
      d.state, d.role_name as "roleName", d.role_secret as "roleSecret", p.environment_id as "environmentId"
    from placements p join databases d on d.id = p.database_id
    where p.environment_id = ${environmentId} and p.state = 'current' and p.kind = 'database' and d.state = 'in_use'
  `.execute(db);
  return rows[0];
}
