import { afterAll, beforeAll, expect, test } from "vitest";
import { sql } from "../../infra/db/index.ts";
import { cancelAtOnce } from "../../infra/workflow/index.ts";
import { newId } from "../../kernel/index.ts";
import { insertApp, type TestPlacements, testPlacements } from "../../testing/placements.ts";
import { waitUntil } from "../../testing/wait-until.ts";

let house: TestPlacements;
beforeAll(async () => {
  house = await testPlacements();
});
afterAll(() => house.close());

async function sleepers(): Promise<number> {
  const { rows } = await sql`
    select from pg_stat_activity where state = 'active' and query like '%pg_sleep(60)%' and pid <> pg_backend_pid()
  `.execute(house.db);
  return rows.length;
}

test("cancelled in the middle of a slow migration, its statement is ended on the server, and nothing is left", async () => {
  const appId = await insertApp(house.db, "select pg_sleep(60)");
  const input = { id: newId(), serverId: house.serverId, appId, level: "database", schemaVersion: 1 };
  const operationId = await house.start(house.placements.workflows.buildSpare, input);
  await waitUntil("the migration sleeps", async () => (await sleepers()) > 0);
  const askedAt = performance.now();
  await cancelAtOnce(house.db, operationId);
  expect(performance.now() - askedAt).toBeLessThan(3_000);
  expect(await house.ended(operationId)).toBe("cancelled");
  await waitUntil("nobody sleeps any more", async () => (await sleepers()) === 0);
  expect(performance.now() - askedAt).toBeLessThan(20_000);
  await house.sweeper.sweep();
  expect(await house.placements.scanForLeftovers(house.db)).toEqual([]);
  const { rows } =
    await sql`select name from databases union all select physical_name from resources`.execute(house.db);
  expect(rows).toEqual([]);
});
