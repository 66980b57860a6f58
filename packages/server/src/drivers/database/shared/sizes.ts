import type { ClientBase } from "pg";
import type { DriverParts } from "../common/parts.ts";
import { reading } from "../common/reading.ts";
import { urlTo } from "../common/url.ts";
import type { DatabaseServer, PhysicalDatabase } from "../driver.ts";

/**
 * Implements `Sharing.sizes`, from what the server's own statistics say about whose rows there are: to count them would
 * take reading them all.
 */
export function sizes(
  parts: DriverParts,
  server: DatabaseServer,
  { name }: PhysicalDatabase,
): Promise<Map<string, number>> {
  return reading(parts.connect, urlTo(server.url, name), async (client) => {
    const found = await selectSizes(client);
    return new Map(found.map(({ environmentId, bytes }) => [environmentId, bytes]));
  });
}

async function selectSizes(client: ClientBase): Promise<{ environmentId: string; bytes: number }[]> {
  const { rows } = await client.query<{ environmentId: string; bytes: number }>(
    `select v.environment as "environmentId", round(sum(v.share * t.bytes))::float8 as bytes
     from (
       select n.nspname, c.relname, pg_total_relation_size(c.oid)::float8 as bytes
       from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
       where a.attname = 'tenantry_environment' and not a.attisdropped and c.relkind = 'r' and n.nspname <> 'tenantry'
     ) t join pg_stats s on s.schemaname = t.nspname and s.tablename = t.relname and s.attname = 'tenantry_environment'
       and not s.inherited
     cross join lateral unnest(s.most_common_vals::text::text[], s.most_common_freqs) v (environment, share)
     group by v.environment`,
  );
  return rows;
}
