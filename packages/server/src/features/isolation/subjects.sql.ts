import type { DatabaseLevel } from "@tenantry/contract";
import { type Db, sql } from "../../infra/db/index.ts";

/** An environment that a verification looks at. Ids are UUIDs. */
export type SubjectRow = {
  tenantId: string;
  environmentId: string;
  slug: string;
  appId: string;
  appSlug: string;
  /** Undefined once its host is gone. */
  hostname: string | null;
  status: string;
  environmentStatus: string;
};

const columns = sql`
  t.id as "tenantId", e.id as "environmentId", t.slug, t.app_id as "appId", a.slug as "appSlug", t.status,
  e.status as "environmentStatus",
  (select r.hostname from routes r where r.tenant_slug = t.slug and r.redirect_to is null and r.kind = 'system'
    and r.hostname like t.slug || '.%' limit 1) as hostname
`;
const environments = sql`
  environments e join tenants t on t.id = e.tenant_id join apps a on a.id = t.app_id
`;

/** `isLeftBehind`: its database, which is nobody else's, couldn't be migrated. */
export type CanaryRow = SubjectRow & { isLeftBehind: boolean };

/** The platform's own tenants, whatever their state. */
export async function selectCanaries(db: Db): Promise<CanaryRow[]> {
  const { rows } = await sql<CanaryRow>`
    select ${columns}, exists (
        select from placements p join databases d on d.id = p.database_id
          join migration_failures f on f.database_id = d.id
        where p.environment_id = e.id and p.state = 'current' and d.level <> 'shared' and f.retry_at is null
      ) as "isLeftBehind"
    from ${environments} where t.internal order by t.slug
  `.execute(db);
  return rows;
}

/** Some tenants that serve people, by chance; or the environments of one. */
export async function selectSample(
  db: Db,
  wanted: {
    limit: number;
    tenantId?: string | undefined;
    level?: DatabaseLevel | undefined;
    /** These before others; UUIDs. */
    first?: readonly string[];
  },
): Promise<SubjectRow[]> {
  const { limit, tenantId = null, level = null, first = [] } = wanted;
  const { rows } = await sql<SubjectRow>`
    select ${columns} from ${environments}
    where not t.internal and t.status in ('active', 'suspended') and e.status in ('ready', 'maintenance') and not e.moving
      and (${tenantId}::uuid is null or t.id = ${tenantId}::uuid)
      and (${level}::text is null or exists (
        select from placements p join databases d on d.id = p.database_id
        where p.environment_id = e.id and p.state = 'current' and d.level = ${level}))
    order by t.id = any (${first}::uuid[]) desc, random() limit ${limit}
  `.execute(db);
  return rows;
}

export type LevelInUse = { appId: string; appSlug: string; level: DatabaseLevel };

/** At which levels which applications' tenants live. */
export async function selectLevelsInUse(db: Db): Promise<LevelInUse[]> {
  const { rows } = await sql<LevelInUse>`
    select distinct t.app_id as "appId", a.slug as "appSlug", d.level
    from ${environments} join placements p on p.environment_id = e.id and p.kind = 'database' and p.state = 'current'
      join databases d on d.id = p.database_id
    where not t.internal and t.status in ('active', 'suspended')
    order by "appSlug", d.level
  `.execute(db);
  return rows;
}

/** An environment of each database that many share, so that all of them are examined. */
export async function selectOfEachShared(db: Db, level: DatabaseLevel | undefined): Promise<SubjectRow[]> {
  if (level !== undefined && level !== "shared") return [];
  const { rows } = await sql<SubjectRow>`
    select distinct on (d.id) ${columns}
    from ${environments} join placements p on p.environment_id = e.id and p.kind = 'database' and p.state = 'current'
      join databases d on d.id = p.database_id
    where d.level = 'shared' and d.state = 'in_use' order by d.id, t.internal, e.id
  `.execute(db);
  return rows;
}

/** Whether an environment's app is ready for tenants. */
export async function selectReadyApp(
  db: Db,
  slug: string,
): Promise<{ appId: string; appSlug: string } | undefined> {
  const { rows } = await sql<{ appId: string; appSlug: string }>`
    select id as "appId", slug as "appSlug" from apps where slug = ${slug} and current_release_id is not null
  `.execute(db);
  return rows[0];
}

/** How many of these environments aren't the application's, or are the platform's own. */
export async function selectStrangers(db: Db, appId: string, ids: readonly string[]): Promise<number> {
  const { rows } = await sql<{ strangers: number }>`
    select count(*)::int as strangers from unnest(${ids}::uuid[]) as given (id)
    where not exists (select from environments e join tenants t on t.id = e.tenant_id
      where e.id = given.id and t.app_id = ${appId} and not t.internal)
  `.execute(db);
  return rows[0]!.strangers;
}

/** How many of these slugs belong to no child that lets the environment's tenant see it. */
export async function selectUnseen(db: Db, environmentId: string, slugs: readonly string[]): Promise<number> {
  const { rows } = await sql<{ unseen: number }>`
    select count(*)::int as unseen from unnest(${slugs}::text[]) as given (slug)
    where not exists (select from environments e join tenants t on t.parent_id = e.tenant_id
      where e.id = ${environmentId} and t.slug = given.slug and t.visible_to = e.tenant_id)
  `.execute(db);
  return rows[0]!.unseen;
}

/** An application other than this one. */
export async function selectOtherApp(db: Db, appId: string): Promise<string | undefined> {
  const { rows } = await sql<{
    id: string;
  }>`select id from apps where id <> ${appId} order by id limit 1`.execute(db);
  return rows[0]?.id;
}
