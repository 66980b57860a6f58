import { afterAll, beforeAll, expect, test } from "vitest";
import { notes } from "../../drivers/database/driver.testsuite.ts";
import { sql } from "../../infra/db/index.ts";
import {
  insertApp,
  insertEnvironment,
  insertMigrations,
  type TestPlacements,
  testPlacements,
} from "../../testing/placements.ts";
import { openPlace } from "../../testing/shared-harness.ts";
import { selectTraces } from "./index.ts";

let house: TestPlacements;
beforeAll(async () => {
  house = await testPlacements();
});
afterAll(() => house.close());

async function place(appId: string, schemaVersion = 1) {
  const environmentId = await insertEnvironment(house.db, appId);
  const wanted = { environmentId, appId, level: "shared" as const, schemaVersion };
  const placed = await house.run((context) => house.placements.placeDatabase(context, wanted));
  return { environmentId, ...placed };
}

/** Runs statements in an environment by what an application's process is told of it; answers the last one's rows. */
async function run(environmentId: string, ...statements: string[]): Promise<unknown[]> {
  const found = await house.placements.runtimePlaces(house.db, [environmentId]);
  const { url, seal } = found.get(environmentId)!.database!;
  const { database, close } = openPlace(url, seal!);
  try {
    let rows: unknown[] = [];
    for (const statement of statements) ({ rows } = await database.query(statement));
    return rows;
  } finally {
    await close();
  }
}

const remove = (environmentId: string) =>
  house.run((context) => house.placements.removePlacements(context, { environmentId, kind: "database" }));

const nothingOdd = async () => expect(await house.placements.scanForLeftovers(house.db)).toEqual([]);

test("environments that come at the same time share one database, which one of them makes", async () => {
  const appId = await insertApp(house.db, notes);
  const placed = await Promise.all([1, 2, 3, 4].map(() => place(appId)));
  expect(new Set(placed.map(({ databaseId }) => databaseId)).size).toBe(1);
  for (const { environmentId } of placed) {
    await run(environmentId, `insert into notes (body) values ('of ${environmentId}')`);
  }
  for (const { environmentId } of placed) {
    expect(await run(environmentId, "select id, body from notes order by id")).toEqual([
      { id: 1, body: "from the migration" },
      { id: 2, body: `of ${environmentId}` },
    ]);
  }
  expect(
    await selectTraces(
      house.db,
      placed.map(({ environmentId }) => environmentId),
    ),
  ).toEqual({ names: [], serverIds: [] });
  await nothingOdd();
});

test("one that leaves takes its rows along, however often it is asked to; the next one begins anew in the same place", async () => {
  const appId = await insertApp(house.db, notes);
  const [gone, kept] = [await place(appId), await place(appId)];
  for (const { environmentId } of [gone, kept])
    await run(environmentId, "insert into notes (body) values ('mine')");
  for (let time = 0; time < 2; time += 1) await remove(gone.environmentId);
  expect(await run(kept.environmentId, "select body from notes order by id")).toHaveLength(2);
  const { rows } = await sql`select from placements where environment_id = ${gone.environmentId}`.execute(
    house.db,
  );
  expect(rows).toEqual([]);
  const next = await place(appId);
  expect(next.databaseId).toBe(kept.databaseId);
  expect(await run(next.environmentId, "select body from notes")).toEqual([{ body: "from the migration" }]);
  await nothingOdd();
});

test("a schema that the level can't hold is refused by name, and nothing of its database is left", async () => {
  const appId = await insertApp(
    house.db,
    "create table a (id int); create materialized view copy as select * from a;",
  );
  const environmentId = await insertEnvironment(house.db, appId);
  const wanted = { environmentId, appId, level: "shared" as const, schemaVersion: 1 };
  const trial = house.run(
    (context) => house.placements.placeDatabase(context, wanted),
    (context) => house.placements.removePlacements(context, { environmentId, kind: "database" }),
  );
  await expect(trial).rejects.toMatchObject({
    code: "isolation_unavailable",
    detail: expect.stringContaining('materialized view "copy"'),
  });
  await nothingOdd();
});

test("another schema version of the app gets a database of its own; a shared one can't be brought up to it", async () => {
  const appId = await insertApp(house.db, notes);
  const early = await place(appId);
  await insertMigrations(house.db, appId, 2, ["alter table notes add column stars int default 2"]);
  await expect(
    house.run((context) => house.placements.migrateDatabase(context, early.databaseId, 2)),
  ).rejects.toMatchObject({ code: "isolation_unavailable", detail: expect.stringContaining("0002.sql") });
  const late = await place(appId, 2);
  expect(late.databaseId).not.toBe(early.databaseId);
  expect(await run(late.environmentId, "select stars from notes")).toEqual([{ stars: 2 }]);
  await nothingOdd();
});
