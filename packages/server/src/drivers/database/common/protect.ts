import pg from "pg";
import type { DatabaseServer } from "../driver.ts";
import { outsideOfSteps, reading } from "./reading.ts";
import { type Connect, openClient } from "./session.ts";

const protectLock = 7_236_011;

/**
 * Takes CONNECT and TEMPORARY from PUBLIC in the databases named, or in all that anybody may connect to, so that no
 * environment's role gets in. Only for databases that belong to Tenantry alone. Repeatable.
 */
export async function protectDatabases(
  server: Pick<DatabaseServer, "url">,
  databases: "all" | readonly string[],
  connect: Connect = openClient,
): Promise<void> {
  await outsideOfSteps(connect, server.url, { name: "tenantry protect" }, async (client) => {
    // Two nodes that start at once would change the same row of the catalog: "tuple concurrently updated".
    await client.query("select pg_advisory_lock($1)", [protectLock]);
    const open = await selectOpenDatabases(client);
    const chosen = databases === "all" ? open : open.filter((name) => databases.includes(name));
    for (const name of chosen) {
      await client.query(`revoke connect, temporary on database ${pg.escapeIdentifier(name)} from public`);
    }
  });
}

/** The databases of the server that every role may connect to, environments' roles included. */
export async function openDatabases(
  server: Pick<DatabaseServer, "url">,
  connect: Connect = openClient,
): Promise<string[]> {
  return reading(connect, server.url, selectOpenDatabases);
}

async function selectOpenDatabases(client: pg.ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select datname as name from pg_database
     where datallowconn and exists (
       select from aclexplode(coalesce(datacl, acldefault('d', datdba)))
       where grantee = 0 and privilege_type = 'CONNECT')
     order by datname`,
  );
  return rows.map((row) => row.name);
}
