import { type Db, sql } from "../../infra/db/index.ts";

/** Whether the sweeper still has this very thing in hand. */
export async function isBeingSwept(db: Db, resourceId: string): Promise<boolean> {
  const { rows } = await sql`
    select from resources where id = ${resourceId} and state = 'removing'
  `.execute(db);
  return rows.length > 0;
}

export async function deleteResource(
  db: Db,
  resource: { kind: string; driver: string; serverId?: string; physicalName: string },
): Promise<void> {
  await sql`
    delete from resources where kind = ${resource.kind} and driver = ${resource.driver}
      and server_id is not distinct from ${resource.serverId ?? null}::uuid and physical_name = ${resource.physicalName}
  `.execute(db);
}
