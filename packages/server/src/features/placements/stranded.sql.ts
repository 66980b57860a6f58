import { type Db, sql } from "../../infra/db/index.ts";

/** Minutes for which an operation rests before it is tried by itself, and between one time and the next. */
const restMinutes = 10;

/** Operations that wait for an operator because a server of files or caches was away. */
export async function selectStrandedAt(db: Db, serverId: string): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select o.id from operations o where o.status = 'needs_operator'
      and exists (select from operation_steps s where s.operation_id = o.id and s.status <> 'done'
        and s.error->>'code' in ('server_unreachable', 'storage_unavailable')
        and coalesce(s.ended_at, s.started_at) < now() - ${restMinutes} * interval '1 minute')
      and (exists (select from resources r where r.operation_id = o.id and r.server_id = ${serverId})
        or exists (select from placements p where p.environment_id = o.environment_id and p.server_id = ${serverId}))
    order by o.id
  `.execute(db);
  return rows.map(({ id }) => id);
}
