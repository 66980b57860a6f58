import { type Db, sql, type Tx } from "../../../infra/db/index.ts";

/** Environments that one database takes. Beyond, its tables are better split. */
const maxEnvironments = 10_000;

export type SharedDatabase = { id: string; state: "in_use" | "creating"; schemaVersion: number };

/** One at a time decides where an application's environments go. */
export async function lockShared(tx: Tx, appId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${appId}, 7237))`.execute(tx);
}

/**
 * The database that an environment may join, one that stands before one that is being made. One that a release under way
 * has brought further serves the release before, too.
 */
export async function selectSharedDatabase(
  tx: Tx,
  wanted: {
    appId: string;
    level: string;
    schemaVersion: number;
    region?: string | undefined;
    serverId?: string | undefined;
  },
): Promise<SharedDatabase | undefined> {
  const region = wanted.region ?? null;
  const { rows } = await sql<SharedDatabase>`
    select d.id, d.state, d.schema_version as "schemaVersion" from databases d join database_servers s on s.id = d.server_id
    where d.app_id = ${wanted.appId} and d.level = ${wanted.level} and d.schema_version >= ${wanted.schemaVersion}
      and d.state in ('in_use', 'creating') and d.seal_problems is null and s.state = 'ready'
      and not s.dedicated and s.tenant_id is null and s.tenant_slug is null
      and (${region}::text is null or s.region = ${region})
      and (${wanted.serverId ?? null}::uuid is null or s.id = ${wanted.serverId ?? null}::uuid)
      and (select count(*) from placements p where p.database_id = d.id) < ${maxEnvironments}
    order by d.state desc, d.schema_version, d.id limit 1
  `.execute(tx);
  return rows[0];
}

/** Of an application's shared databases that are behind, one for each version that there is. */
export async function selectSharedOfEachVersion(
  db: Db | Tx,
  appId: string,
  schemaVersion: number,
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select distinct on (schema_version) id from databases
    where app_id = ${appId} and level = 'shared' and state = 'in_use' and schema_version < ${schemaVersion}
    order by schema_version, id
  `.execute(db);
  return rows.map((row) => row.id);
}
