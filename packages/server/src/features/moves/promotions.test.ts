import { afterAll, beforeAll, expect, test } from "vitest";
import { sql } from "../../infra/db/index.ts";
import { silentLog } from "../../infra/log/index.ts";
import { defineWorkflow, step } from "../../infra/workflow/index.ts";
import { failure } from "../../kernel/index.ts";
import {
  insertApp,
  insertEnvironment,
  type TestPlacements,
  testPlacements,
} from "../../testing/placements.ts";
import type { MoveInput } from "./carrier.ts";
import { databaseCarrier } from "./database-carrier.ts";
import { promoteDue } from "./promotions.ts";

let house: TestPlacements;
beforeAll(async () => {
  house = await testPlacements();
});
afterAll(() => house.close());

/** An active tenant with a database to itself; answers the environment. */
async function tenant(appId: string): Promise<string> {
  const environmentId = await insertEnvironment(house.db, appId);
  const wanted = { environmentId, appId, level: "database" as const, schemaVersion: 0 };
  await house.run((context) => house.placements.placeDatabase(context, wanted));
  await sql`
    with ready as (update environments set status = 'ready' where id = ${environmentId} returning tenant_id)
    update tenants set status = 'active' where id = (select tenant_id from ready)`.execute(house.db);
  return environmentId;
}

test("the largest, who can't be moved, doesn't keep the next on its server from being moved", async () => {
  const appId = await insertApp(house.db);
  const [largest, next] = [await tenant(appId), await tenant(appId)];
  const bytes = new Map([
    [largest, 3_000],
    [next, 2_000],
  ]);
  const values: Record<string, unknown> = {
    promotions: [{ from: "database", to: "dedicated", whenBytesAbove: "1KB" }],
    promotionHours: { from: 0, to: 24 },
  };
  const refusing: typeof house.placements.requireEligible = async (_db, { environmentId }) => {
    if (environmentId === largest)
      throw failure("isolation_unavailable", { detail: "There is no such server." });
  };
  await promoteDue({
    db: house.db,
    log: silentLog,
    clock: { now: () => new Date() },
    settings: { get: async <Value>(_db: unknown, key: string) => values[key] as Value },
    placements: {
      ...house.placements,
      sizesIn: async () => ({ of: (environmentId: string) => bytes.get(environmentId) }),
    },
    carriers: [
      databaseCarrier({
        placements: { ...house.placements, requireEligible: refusing },
        credentials: { namesOf: async () => [] },
        quotaOf: async () => 0,
      }),
    ],
    move: defineWorkflow<MoveInput>({
      ...{ kind: "environment.move", version: 1 },
      steps: [step("wait", { title: "Wait", run: async () => undefined })],
    }),
  });
  const { rows } = await sql<{ id: string }>`
    select environment_id as id from operations where kind = 'environment.move'`.execute(house.db);
  expect(rows).toEqual([{ id: next }]);
});
