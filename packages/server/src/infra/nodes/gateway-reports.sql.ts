import { type Db, sql } from "../db/index.ts";

/** Nothing has to reach the disk before it is told; while one waits for the disk, nobody else in the registry tells. */
const writesNothing = sql`set_config('synchronous_commit', 'off', true)`;

/** `said` is a version, or that the gateway is gone. */
export async function reportGateway(db: Db, nodeId: string, said: string): Promise<void> {
  await sql`select pg_notify('tenantry_gateway', ${`${nodeId}:${said}`}), ${writesNothing}`.execute(db);
}

/** Has every gateway report. */
export async function askGateways(db: Db): Promise<void> {
  await sql`select pg_notify('tenantry_gateways_asked', ''), ${writesNothing}`.execute(db);
}

/** The newest version of the routes, and the nodes that answer from them. */
export async function selectGateways(db: Db): Promise<{ version: number; gateways: string[] }> {
  const { rows } = await sql<{ version: number; gateways: string[] }>`
    select version,
      array(select id::text from nodes where 'gateway' = any (string_to_array(role, ','))) as gateways
    from stream_versions where stream = 'routes'
  `.execute(db);
  return rows[0]!;
}
