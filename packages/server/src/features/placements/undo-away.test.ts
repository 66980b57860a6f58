import { afterAll, beforeAll, expect, test } from "vitest";
import { notes } from "../../drivers/database/driver.testsuite.ts";
import { inTransaction, sql } from "../../infra/db/index.ts";
import { retryOperation, type StepContext } from "../../infra/workflow/index.ts";
import { failure, newId, showId } from "../../kernel/index.ts";
import {
  insertApp,
  insertEnvironment,
  type TestPlacements,
  testPlacements,
} from "../../testing/placements.ts";
import { type TestPostgres, testPostgres } from "../../testing/postgres.ts";
import { type Severable, severableTo } from "../../testing/severable.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { createOperations } from "../operations/index.ts";

let elsewhere: TestPostgres;
let way: Severable;
let house: TestPlacements;
beforeAll(async () => {
  elsewhere = await testPostgres();
  way = await severableTo(elsewhere.url);
  house = await testPlacements({ url: way.url });
});
afterAll(async () => {
  await house.close();
  await way.close();
  await elsewhere.stop();
});

test("an undo whose server is away asks for an operator, says what to do, and goes on where it was once retried", async () => {
  const appId = await insertApp(house.db, notes);
  const environmentId = await insertEnvironment(house.db, appId);
  const wanted = { environmentId, appId, level: "database" as const, schemaVersion: 1 };
  const operationId = await house.startWork(
    async (context: StepContext) => {
      await house.placements.placeDatabase(context, wanted);
      await way.sever();
      throw failure("forbidden", { detail: "It was never meant to be." });
    },
    (context) => house.placements.removePlacements(context, { environmentId, kind: "database" }),
  );
  expect(await house.ended(operationId)).toBe("needs_operator");
  const operations = createOperations({
    db: house.db,
    notifications: house.registry.notifications,
    settled: async () => undefined,
  });
  const shown = await operations.show(showId("op", operationId));
  expect(shown.error).toMatchObject({
    code: "server_unreachable",
    detail: expect.stringMatching(/^The database server doesn't answer: .+\.$/),
    remedy: expect.stringMatching(
      /Mend the cause, then run `tenantry operation retry op_\w+`: it goes on undoing/,
    ),
  });
  expect((await rowsOf(environmentId)).length).toBe(1);

  await way.restore();
  expect((await house.placements.scanForLeftovers(house.db)).map(({ problem }) => problem)).toEqual([]);
  await inTransaction(house.db, (tx) => retryOperation(tx, operationId));
  await waitUntil("it has failed", async () => (await house.ended(operationId)) === "failed");
  expect((await operations.show(showId("op", operationId))).error).toMatchObject({
    code: "forbidden",
    detail: "It was never meant to be.",
  });
  expect(await rowsOf(environmentId)).toEqual([]);
  expect(await house.placements.scanForLeftovers(house.db)).toEqual([]);
});

test("a server that is away for a moment while a step works there fails nothing", async () => {
  const appId = await insertApp(house.db, notes);
  let attempts = 0;
  await house.run(async (context) => {
    attempts += 1;
    if (attempts === 1) await way.sever();
    else await way.restore();
    const input = { id: newId(), serverId: house.serverId, appId, level: "database", schemaVersion: 1 };
    await house.placements.tryMigrations(context, input);
  });
  expect(attempts).toBe(2);
});

async function rowsOf(environmentId: string): Promise<unknown[]> {
  const { rows } = await sql`
    select p.state, d.state from placements p join databases d on d.id = p.database_id
    where p.environment_id = ${environmentId}
  `.execute(house.db);
  return rows;
}
