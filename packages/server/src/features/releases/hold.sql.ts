import { type Db, sql, type Tx } from "../../infra/db/index.ts";

export type HeldEnvironment = {
  id: string;
  name: string;
  tenantId: string;
  slug: string;
  /** The release that it keeps, or had kept, by its number. */
  release: number;
  /** One of the platform's own, of which no event tells. */
  internal: boolean;
};

/** Before the app's release changes: environments whose database has an older schema keep the one that they have. */
export async function holdBehind(
  tx: Tx,
  { appId, schemaVersion }: { appId: string; schemaVersion: number },
): Promise<HeldEnvironment[]> {
  const { rows } = await sql<HeldEnvironment>`
    update environments e set held_release_id = r.id
    from apps a, releases r, placements p, databases d, tenants t
    where a.id = ${appId} and r.id = a.current_release_id and d.app_id = a.id and d.state = 'in_use'
      and d.schema_version < ${schemaVersion} and p.database_id = d.id and p.state = 'current'
      and e.id = p.environment_id and e.status in ('ready', 'maintenance') and e.held_release_id is null
      and t.id = e.tenant_id
    returning e.id, e.name, e.tenant_id as "tenantId", t.slug, r.number as release, t.internal
  `.execute(tx);
  return rows;
}

/** Environments of an app that were held back, and whose database has come to a schema version, go with the app again. */
export async function freeCaughtUp(
  tx: Tx,
  { appId, schemaVersion }: { appId: string; schemaVersion: number },
): Promise<HeldEnvironment[]> {
  const { rows } = await sql<HeldEnvironment>`
    update environments e set held_release_id = null
    from releases r, placements p, databases d, tenants t
    where e.held_release_id = r.id and r.app_id = ${appId} and p.environment_id = e.id and p.kind = 'database'
      and p.state = 'current' and d.id = p.database_id and d.schema_version >= ${schemaVersion}
      and t.id = e.tenant_id
    returning e.id, e.name, e.tenant_id as "tenantId", t.slug, r.number as release, t.internal
  `.execute(tx);
  return rows;
}

/** Whether environments of the app are held back that live in one of these databases; in any when none are named. */
export async function isAnyHeld(db: Db, appId: string, databaseIds?: readonly string[]): Promise<boolean> {
  const { rows } = await sql`
    select from environments e join releases r on r.id = e.held_release_id
    where r.app_id = ${appId} and (${databaseIds ?? null}::uuid[] is null or exists (
      select from placements p where p.environment_id = e.id and p.database_id = any (${databaseIds ?? null}::uuid[])))
    limit 1
  `.execute(db);
  return rows.length > 0;
}
