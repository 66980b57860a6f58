import { type Db, inTransaction, sql } from "../infra/db/index.ts";
import { newId } from "../kernel/index.ts";

let uid = 70_000;

/** An application's row, for tests of what lies on top of it. */
export async function insertTestApp(db: Db, slug: string): Promise<string> {
  const id = newId();
  uid += 1;
  await sql`insert into apps (id, slug, run_as_uid) values (${id}, ${slug}, ${uid})`.execute(db);
  return id;
}

/** Gives it a release, so that tenants can be asked for; nothing runs. */
export async function releaseTestApp(db: Db, appId: string): Promise<void> {
  await inTransaction(db, async (tx) => {
    const releaseId = newId();
    await sql`
      insert into releases (id, app_id, number, upstream_url, schema_version)
      values (${releaseId}, ${appId}, 1, 'http://127.0.0.1:1', 0)
    `.execute(tx);
    await sql`update apps set current_release_id = ${releaseId} where id = ${appId}`.execute(tx);
  });
}

export type TestTenant = { tenantId: string; environmentId: string; slug: string };

/** An active tenant with a ready production environment and no placements. */
export async function insertTestTenant(db: Db, appId: string, slug: string): Promise<TestTenant> {
  const [tenantId, environmentId] = [newId(), newId()];
  await sql`
    insert into tenants (id, slug, name, status, app_id)
    values (${tenantId}, ${slug}, ${`The ${slug} company`}, 'active', ${appId})
  `.execute(db);
  await sql`
    insert into environments (id, tenant_id, name, status) values (${environmentId}, ${tenantId}, 'production', 'ready')
  `.execute(db);
  return { tenantId, environmentId, slug };
}
