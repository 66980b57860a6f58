import { type Db, sql, type Tx } from "../../infra/db/index.ts";

export type AppRow = {
  id: string;
  slug: string;
  runAsUid: number;
  schemaVersion: number;
  createdAt: Date;
  currentReleaseId: string | null;
};

const columns = sql`
  a.id, a.slug, a.run_as_uid as "runAsUid", a.schema_version as "schemaVersion", a.created_at as "createdAt",
  a.current_release_id as "currentReleaseId"
`;

/** False when another app has the slug. The first app's processes run as `firstUid`, each next one's as the next. */
export async function insertApp(
  tx: Tx,
  app: { id: string; slug: string; firstUid: number },
): Promise<boolean> {
  await sql`lock table apps in share row exclusive mode`.execute(tx);
  const { rows } = await sql`
    insert into apps (id, slug, run_as_uid)
    select ${app.id}, ${app.slug}, coalesce(max(run_as_uid) + 1, ${app.firstUid}) from apps
    on conflict (slug) do nothing returning id
  `.execute(tx);
  return rows.length === 1;
}

export async function selectApp(db: Db | Tx, id: string): Promise<AppRow | undefined> {
  const { rows } = await sql<AppRow>`select ${columns} from apps a where a.id = ${id}`.execute(db);
  return rows[0];
}

export async function selectAppBySlug(db: Db | Tx, slug: string): Promise<AppRow | undefined> {
  const { rows } = await sql<AppRow>`select ${columns} from apps a where a.slug = ${slug}`.execute(db);
  return rows[0];
}

export async function lockApp(tx: Tx, id: string): Promise<AppRow | undefined> {
  const { rows } = await sql<AppRow>`select ${columns} from apps a where a.id = ${id} for update`.execute(tx);
  return rows[0];
}

/** Others may hold it too; whoever locks it waits for the transaction's end. */
export async function selectAppHeld(tx: Tx, id: string): Promise<AppRow | undefined> {
  const { rows } = await sql<AppRow>`select ${columns} from apps a where a.id = ${id} for share`.execute(tx);
  return rows[0];
}

export async function selectApps(
  db: Db,
  page: { limit: number; after?: string | undefined },
): Promise<AppRow[]> {
  const { rows } = await sql<AppRow>`
    select ${columns} from apps a where ${page.after ? sql`a.id < ${page.after}` : sql`true`}
    order by a.id desc limit ${page.limit + 1}
  `.execute(db);
  return rows;
}

export async function countTenantsOf(db: Db, appIds: readonly string[]): Promise<Map<string, number>> {
  const { rows } = await sql<{ appId: string; count: number }>`
    select app_id as "appId", count(*) as count from tenants
    where app_id = any (${appIds}::uuid[]) and not internal group by app_id
  `.execute(db);
  return new Map(rows.map((row) => [row.appId, row.count]));
}

export type AppMigrationRow = { ordinal: number; name: string; sql: string; checksum: string };

export async function selectAppMigrations(db: Db | Tx, appId: string): Promise<AppMigrationRow[]> {
  const { rows } = await sql<AppMigrationRow>`
    select ordinal, name, sql, checksum from app_migrations where app_id = ${appId} order by ordinal
  `.execute(db);
  return rows;
}

export async function insertAppMigration(tx: Tx, appId: string, migration: AppMigrationRow): Promise<void> {
  await sql`
    insert into app_migrations (app_id, ordinal, name, sql, checksum)
    values (${appId}, ${migration.ordinal}, ${migration.name}, ${migration.sql}, ${migration.checksum})
  `.execute(tx);
}

/** Takes back migrations that neither the app's current release nor any tenant's database has. */
export async function deleteUnusedAppMigrations(tx: Tx, appId: string): Promise<void> {
  await sql`
    delete from app_migrations m using apps a
    where m.app_id = ${appId} and a.id = m.app_id and m.ordinal > greatest(a.schema_version, (
      select coalesce(max(d.schema_version), 0) from databases d where d.app_id = a.id and d.state = 'in_use'
    ))
  `.execute(tx);
}

export async function updateCurrentRelease(tx: Tx, appId: string, releaseId: string, schemaVersion: number) {
  await sql`
    update apps set current_release_id = ${releaseId}, schema_version = ${schemaVersion} where id = ${appId}
  `.execute(tx);
}

export async function updateNextRelease(tx: Tx, appId: string, releaseId: string | null): Promise<void> {
  await sql`update apps set next_release_id = ${releaseId} where id = ${appId}`.execute(tx);
}

/** Operations that don't count as others: this one, or all of a kind. */
export type OtherWork = { operationId?: string; kind?: string };

/** Work on all of an app that is under way. Hold the app's row, so that no other begins meanwhile. */
export async function selectOpenWork(
  tx: Tx,
  appId: string,
  except: OtherWork = {},
): Promise<{ id: string; kind: string } | undefined> {
  const { rows } = await sql<{ id: string; kind: string }>`
    select id, kind from operations
    where kind in ('app.release', 'app.migrate') and input ->> 'appId' = ${appId}
      and status not in ('succeeded', 'failed', 'cancelled')
      and id is distinct from ${except.operationId ?? null}::uuid
      and kind is distinct from ${except.kind ?? null}::text
  `.execute(tx);
  return rows[0];
}
