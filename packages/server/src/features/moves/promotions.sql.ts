import type { DatabaseLevel } from "@tenantry/contract";
import { type Db, sql } from "../../infra/db/index.ts";

/** Every rule that somebody has set, for the installation or for a tenant. */
export async function selectRuleSettings(db: Db): Promise<unknown[]> {
  const { rows } = await sql<{ value: unknown }>`
    select value from settings where key = 'promotions' and value <> '[]'
  `.execute(db);
  return rows.map(({ value }) => value);
}

export type PromotableRow = {
  tenantId: string;
  slug: string;
  timezone: string;
  environmentId: string;
  environment: string;
  databaseId: string;
  serverId: string;
  level: DatabaseLevel;
  name: string;
  roleName: string | null;
};

/** A rule that came to nothing isn't tried again before. */
const restHours = 24;

/**
 * Environments at these levels that could be moved now: of active tenants, with nothing else at work on them. Those whose
 * promotion failed or was cancelled lately rest.
 */
export async function selectPromotable(db: Db, levels: readonly string[]): Promise<PromotableRow[]> {
  const { rows } = await sql<PromotableRow>`
    select t.id as "tenantId", t.slug, t.timezone, e.id as "environmentId", e.name as environment,
      d.id as "databaseId", d.server_id as "serverId", d.level, d.name, d.role_name as "roleName"
    from environments e join tenants t on t.id = e.tenant_id
      join placements p on p.environment_id = e.id and p.kind = 'database' and p.state = 'current'
      join databases d on d.id = p.database_id and d.state = 'in_use' and d.level = any (${levels}::text[])
    where t.status = 'active' and not t.internal and e.status in ('ready', 'maintenance') and not e.moving
      and not exists (select from operations o where o.environment_id = e.id and o.exclusive
        and o.status not in ('succeeded', 'failed', 'cancelled'))
      and not exists (select from operations o where o.tenant_id = t.id and o.environment_id = e.id
        and o.kind = 'environment.move' and o.input ? 'promotion' and o.status in ('failed', 'cancelled')
        and o.ended_at > now() - ${restHours} * interval '1 hour')
    order by d.server_id, d.id, e.id
  `.execute(db);
  return rows;
}

/** The servers from which a rule moves somebody at present. */
export async function selectBusyServers(db: Db): Promise<string[]> {
  const { rows } = await sql<{ serverId: string }>`
    select distinct d.server_id as "serverId" from operations o
      join placements p on p.environment_id = o.environment_id and p.kind = 'database'
      join databases d on d.id = p.database_id
    where o.kind = 'environment.move' and o.input ? 'promotion'
      and o.status not in ('succeeded', 'failed', 'cancelled')
  `.execute(db);
  return rows.map(({ serverId }) => serverId);
}
