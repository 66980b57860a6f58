import pg from "pg";
import type { BenchInstallation } from "../common/installation.ts";

/**
 * How long the step took that gives a tenant its database, for each of those made since `known`, as operations record
 * it: the statements, the commits, and waiting for the processor.
 */
export async function placedMs(
  { databaseUrl }: BenchInstallation,
  known: ReadonlySet<string> = new Set(),
): Promise<{ operations: Set<string>; fromSpare: number[]; otherwise: number[] }> {
  const url = new URL(databaseUrl);
  url.pathname = "/tenantry";
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  const { rows } = await client.query<{ id: string; tookMs: number; fromSpare: boolean }>(
    `select o.id, (extract(epoch from s.ended_at - s.started_at) * 1000)::float8 as "tookMs",
       coalesce((s.result ->> 'fromSpare')::boolean, false) as "fromSpare"
     from tenantry.operations o join tenantry.operation_steps s on s.operation_id = o.id
     where o.kind = 'tenant.provision' and s.name = 'create-database' and s.status = 'done'`,
  );
  await client.end();
  const fresh = rows.filter(({ id }) => !known.has(id));
  const took = (spare: boolean) =>
    fresh.filter(({ fromSpare }) => fromSpare === spare).map((row) => row.tookMs);
  return { operations: new Set(rows.map(({ id }) => id)), fromSpare: took(true), otherwise: took(false) };
}
