import { type Db, sql, type Tx } from "../infra/db/index.ts";

export type InstallationRow = { id: string; rootDomain: string };

/** Inserts the installation's row unless it stands already, and answers it. */
export async function ensureInstallation(tx: Tx, wanted: InstallationRow): Promise<InstallationRow> {
  await sql`
    insert into installation (id, root_domain) values (${wanted.id}, ${wanted.rootDomain}) on conflict do nothing
  `.execute(tx);
  const { rows } = await sql<InstallationRow>`
    select id, root_domain as "rootDomain" from installation for update
  `.execute(tx);
  return rows[0]!;
}

export async function updateRootDomain(tx: Tx, rootDomain: string): Promise<void> {
  await sql`update installation set root_domain = ${rootDomain}`.execute(tx);
}

export async function selectInstallation(db: Db): Promise<InstallationRow | undefined> {
  const { rows } =
    await sql<InstallationRow>`select id, root_domain as "rootDomain" from installation`.execute(db);
  return rows[0];
}

/** As whom the processes of an application run. */
export async function selectUidOfApp(db: Db, appId: string): Promise<number | undefined> {
  const { rows } = await sql<{ uid: number }>`select run_as_uid as uid from apps where id = ${appId}`.execute(
    db,
  );
  return rows[0]?.uid;
}

/** As whom the processes of an environment's application run. */
export async function selectAppUid(db: Db, environmentId: string): Promise<number> {
  const { rows } = await sql<{ uid: number }>`
    select a.run_as_uid as uid from environments e join tenants t on t.id = e.tenant_id join apps a on a.id = t.app_id
    where e.id = ${environmentId}
  `.execute(db);
  return rows[0]!.uid;
}
