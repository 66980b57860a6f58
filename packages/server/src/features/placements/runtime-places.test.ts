import { afterAll, beforeAll, expect, it } from "vitest";
import { sql } from "../../infra/db/index.ts";
import { newId, showId } from "../../kernel/index.ts";
import { fresh } from "../../testing/fresh.ts";
import { type TestPostgres, testPostgres } from "../../testing/postgres.ts";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { insertTestApp } from "../../testing/tenants.ts";
import { runtimeBudgets } from "./runtime-places.ts";

let server: TestPostgres;
let registry: TestRegistry;

beforeAll(async () => {
  server = await testPostgres();
  registry = await testRegistry(server);
});
afterAll(async () => {
  await registry.close();
  await server.stop();
});

async function insertServer(name: string, appId?: string): Promise<string> {
  const id = newId();
  await sql`
    insert into database_servers (id, name, kind, url_secret, max_backends) values (${id}, ${name}, 'external', '', 50)
  `.execute(registry.db);
  if (appId) {
    await sql`
      insert into databases (id, server_id, app_id, level, name, schema_version, state)
      values (${newId()}, ${id}, ${appId}, 'database', 'x', 1, 'in_use')
    `.execute(registry.db);
  }
  return id;
}

it("gives every process of an application its part of its servers' connections, and keeps one for who comes next", async () => {
  const { db } = registry;
  const appId = await insertTestApp(db, fresh("sites"));
  const used = await insertServer(fresh("used"), appId);
  await insertServer(fresh("unused"));
  const granted = async (process: string) => {
    const budgets = await runtimeBudgets(db, { appId, process });
    expect(budgets.map(({ serverId }) => serverId)).toEqual([showId("srv", used)]);
    return budgets[0]!.backends;
  };
  const held = async () => {
    const { rows } = await sql<{ sum: number }>`
      select sum(backends) as sum from backend_leases where server_id = ${used}
    `.execute(db);
    return rows[0]!.sum;
  };
  expect(await granted("a")).toBe(25);
  expect(await granted("b")).toBe(16);
  for (const holder of ["c", "d", "e", "f", "g", "h"]) {
    expect(await granted(holder)).toBeGreaterThan(0);
    for (const other of ["a", "b"]) await granted(other);
    expect(await held()).toBeLessThanOrEqual(50);
  }
  await Promise.all(Array.from({ length: 20 }, (_, index) => granted(`process-${index}`)));
  expect(await held()).toBeLessThanOrEqual(50);
});
