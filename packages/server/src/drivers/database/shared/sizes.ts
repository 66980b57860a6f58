import type { ClientBase } from "pg";
import pg from "pg";
import { databaseErrorCode } from "../../../infra/db/index.ts";
import { liftForce } from "../common/catalog/forced.sql.ts";
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
    const sizes = new Map<string, number>();
    for (const { table, owner, hidden, bytes } of await selectLargestTables(client)) {
      const shares = hidden
        ? await sharesAsOwner(client, { table, owner })
        : await selectShares(client, table);
      for (const { environmentId, share } of shares)
        sizes.set(environmentId, (sizes.get(environmentId) ?? 0) + Math.round(share * bytes));
    }
    return sizes;
  });
}

type Table = { table: string; owner: string; hidden: boolean; bytes: number };

/** Those that all but a twentieth of all bytes are in. Of the `hidden` ones the server shows us no statistics. */
async function selectLargestTables(client: ClientBase): Promise<Table[]> {
  const { rows } = await client.query<Table>(
    `select * from (
       select format('%I.%I', n.nspname, c.relname) as table, r.rolname as owner, row_security_active(c.oid) as hidden,
         pg_total_relation_size(c.oid)::float8 as bytes,
         sum(pg_total_relation_size(c.oid)) over (order by pg_total_relation_size(c.oid) desc, c.oid)
           - pg_total_relation_size(c.oid) as before,
         sum(pg_total_relation_size(c.oid)) over () as of_all
       from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
         join pg_roles r on r.oid = c.relowner
       where a.attname = 'tenantry_environment' and not a.attisdropped and c.relkind = 'r' and n.nspname <> 'tenantry'
     ) t where before < 0.95 * of_all order by bytes desc`,
  );
  return rows;
}

type Share = { environmentId: string; share: number };

async function selectShares(client: ClientBase, table: string): Promise<Share[]> {
  const { rows } = await client.query<Share>(
    `select v.environment as "environmentId", v.share::float8 as share
     from pg_stats s cross join lateral unnest(s.most_common_vals::text::text[], s.most_common_freqs) v (environment, share)
     where format('%I.%I', s.schemaname, s.tablename) = $1 and s.attname = 'tenantry_environment' and not s.inherited`,
    [table],
  );
  return rows;
}

/** How long neighbours may have to stand behind us, who wait for a table. */
const lockTimeoutMs = 50;

/**
 * Statistics of a table are shown to its owner where its policies don't bind him. So we are he, and they don't, within a
 * transaction that is taken back. For that long, which is moments, nobody else gets at the table; one that is in use for
 * longer is left out this time.
 */
async function sharesAsOwner(
  client: ClientBase,
  { table, owner }: { table: string; owner: string },
): Promise<Share[]> {
  await client.query(`begin read write; set local lock_timeout = ${lockTimeoutMs}`);
  try {
    await client.query(`set local role ${pg.escapeIdentifier(owner)}`);
    await liftForce(client, [table]);
    return await selectShares(client, table);
  } catch (error) {
    if (databaseErrorCode(error) !== "55P03") throw error;
    return [];
  } finally {
    await client.query("rollback");
  }
}
