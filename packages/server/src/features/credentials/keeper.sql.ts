import { type Db, sql } from "../../infra/db/index.ts";
import type { ResourceName } from "../../infra/workflow/index.ts";

export async function deleteResource(db: Db, resource: ResourceName): Promise<void> {
  await sql`
    delete from resources where kind = ${resource.kind} and driver = ${resource.driver}
      and server_id is not distinct from ${resource.serverId ?? null}::uuid and physical_name = ${resource.physicalName}
  `.execute(db);
}
