import type { RuntimeSeal } from "@tenantry/contract";
import { createPools, mintSealToken, openDatabase } from "@tenantry/data";
import pg from "pg";
import type { PostgresHarness } from "../drivers/database/driver.testsuite.ts";
import type { SharedPlace } from "../drivers/database/driver.ts";
import { createSharedDriver } from "../drivers/database/shared/index.ts";
import { newId } from "../kernel/index.ts";
import type { TestServer } from "./database-servers.ts";

/** One environment of a shared database, reached by the data path. */
export function openPlace(url: string, seal: RuntimeSeal) {
  const pools = createPools({ budgets: () => 2 });
  const { environmentId } = seal;
  const placement = { environmentId, serverId: "server", url, generation: 1, seal };
  return { database: openDatabase({ pools, placement }), close: () => pools.close() };
}

/** The level `shared` for the drivers' contract suite: each database gets one environment. */
export async function sharedHarness(open: () => Promise<TestServer>): Promise<PostgresHarness> {
  const postgres = await open();
  const server = { id: newId(), url: postgres.url };
  const driver = createSharedDriver({ installationId: newId() });
  const places = new Map<string, SharedPlace>();
  return {
    driver,
    server,
    close: () => postgres.stop(),
    environment: {
      async open(context, built, databaseId, { appId }) {
        const environmentId = places.get(built.name)?.environmentId ?? newId();
        const place = { server, database: built, databaseId, appId, environmentId, sealKey: built.sealKey! };
        places.set(built.name, place);
        await driver.sharing!.admit(context, place);
      },
      idOf: (built) => places.get(built.name)!.environmentId,
      close: (context, built) => driver.sharing!.dismiss(context, places.get(built.name)!),
      run: (built, statements) =>
        runBare(driver.connectionUrl(server, built), places.get(built.name)!, statements),
    },
  };
}

/** Past what the data path refuses: it is the database that has to. */
async function runBare(url: string, place: SharedPlace, statements: readonly string[]) {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    const { databaseId, environmentId } = place;
    const { processID: backend } = client as unknown as { processID: number };
    const expiresAt = Math.floor(Date.now() / 1_000) + 30;
    const token = mintSealToken(Buffer.from(place.sealKey, "base64"), {
      databaseId,
      environmentId,
      expiresAt,
      backend,
    });
    // That can't be asked for in a transaction.
    if (statements[0]?.startsWith("create database")) return (await client.query(statements[0])).rows;
    await client.query("begin");
    await client.query("select tenantry.enter($1)", [token]);
    let rows: pg.QueryResultRow[] = [];
    for (const statement of statements) ({ rows } = await client.query(statement));
    await client.query("commit");
    return rows;
  } finally {
    await client.end();
  }
}
