import { newId } from "../../kernel/index.ts";
import { type Db, sql } from "../db/index.ts";
import type { ResourceName } from "./definition.ts";
import { lazily } from "./fenced-write.ts";
import type { Held } from "./lease.sql.ts";

const named = (name: ResourceName) => sql`
  kind = ${name.kind} and driver = ${name.driver} and physical_name = ${name.physicalName}
  and coalesce(server_id::text, '') = ${name.serverId ?? ""}`;

/**
 * Writes the row, or takes over one that stands already, unless the sweeper removes that thing at this moment or it
 * stands as another operation's and isn't common. `held` false: the lease is gone. The row's owner and state tell what
 * happened.
 */
export async function upsertResource(
  db: Db,
  held: Held,
  resource: ResourceName & {
    environmentId: string | undefined;
    common: boolean;
    detail?: Record<string, unknown>;
  },
): Promise<{ held: boolean; written: boolean }> {
  const { rows } = await sql<{ held: boolean; written: boolean }>`
    with operation as (
      select id, fence from operations where id = ${held.id} and fence = ${held.fence} for no key update
    ), written as (
      insert into resources as r (id, kind, driver, server_id, physical_name, state, operation_id, fence,
        environment_id, detail)
      select ${newId()}::uuid, ${resource.kind}, ${resource.driver}, ${resource.serverId ?? null}::uuid,
        ${resource.physicalName}, 'creating', id, fence, ${resource.environmentId ?? null}::uuid,
        ${JSON.stringify(resource.detail ?? {})}::jsonb
      from operation
      on conflict (kind, driver, coalesce(server_id::text, ''), physical_name) do update
        set operation_id = excluded.operation_id, fence = excluded.fence, detail = r.detail || excluded.detail
        where r.state <> 'removing'
          and (r.state = 'creating' or r.operation_id = excluded.operation_id or ${resource.common})
      returning 1
    )
    select exists (select 1 from operation) as held, exists (select 1 from written) as written
  `.execute(db);
  return rows[0]!;
}

/** False: the lease is gone. Without it the step runs again, and finds the thing. */
export async function updateResourcePresent(db: Db, held: Held, name: ResourceName): Promise<boolean> {
  const { rows } = await sql`
    with operation as (
      select id from operations where id = ${held.id} and fence = ${held.fence} for no key update
    ), present as (
      update resources set state = 'present' from operation where ${named(name)} and state = 'creating'
    )
    select ${lazily} from operation
  `.execute(db);
  return rows.length > 0;
}

/**
 * Forgets a thing that is gone. If this operation made it and was taken from a holder who may only stand still, that one
 * could make it again when it wakes up: then it is left to the sweeper, who forgets it once it can't come back. False:
 * the lease is gone.
 */
export async function deleteResource(db: Db, held: Held, name: ResourceName): Promise<boolean> {
  const { rows } = await sql`
    with operation as (
      select id, overtaken from operations where id = ${held.id} and fence = ${held.fence} for no key update
    ), gone as (
      delete from resources using operation
      where ${named(name)} and (operation_id <> operation.id or operation.overtaken = '{}')
    ), watched as (
      update resources set state = 'removing' from operation
      where ${named(name)} and operation_id = operation.id and operation.overtaken <> '{}'
    )
    select ${lazily} from operation
  `.execute(db);
  return rows.length > 0;
}
