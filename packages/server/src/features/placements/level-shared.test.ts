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

test("a shared database is brought to the app's next schema with all who are in it; who comes later joins them there", async () => {
  const appId = await insertApp(house.db, notes);
  const early = [await place(appId), await place(appId)];
  for (const { environmentId } of early) await run(environmentId, "insert into notes (body) values ('mine')");
  await insertMigrations(house.db, appId, 2, [
    "alter table notes add column stars int default 2; update notes set stars = id + 1;",
  ]);
  const migrate = () =>
    house.run((context) => house.placements.migrateDatabase(context, early[0]!.databaseId, 2));
  expect(await migrate()).toEqual({ applied: 1 });
  expect(await migrate()).toEqual({ applied: 0 });
  const later = [await place(appId, 1), await place(appId, 2)];
  for (const { databaseId, schemaVersion } of later) {
    expect({ databaseId, schemaVersion }).toEqual({ databaseId: early[0]!.databaseId, schemaVersion: 2 });
  }
  const read = "select id, body, stars from notes order by id";
  const first = { id: 1, body: "from the migration", stars: 2 };
  for (const { environmentId } of early) {
    expect(await run(environmentId, read)).toEqual([first, { id: 2, body: "mine", stars: 3 }]);
  }
  for (const { environmentId } of later) expect(await run(environmentId, read)).toEqual([first]);
  await nothingOdd();
});

test("a release that takes something from the running one is refused by file and line, before anybody is touched", async () => {
  const appId = await insertApp(house.db, notes);
  const { environmentId } = await place(appId);
  const files = ["alter table notes add column stars int;", "select 1;\ndrop view fine_notes;"];
  await insertMigrations(house.db, appId, 2, files);
  const trial = house.run((context) => house.placements.tryMigrations(context, { appId, schemaVersion: 3 }));
  await expect(trial).rejects.toMatchObject({
    code: "isolation_unavailable",
    detail: expect.stringMatching(/^0003\.sql, line 2: .*the view "fine_notes" is gone/),
    remedy: expect.stringContaining("-- tenantry: contract"),
  });
  expect(await run(environmentId, "select id, body, mood from notes")).toEqual([
    { id: 1, body: "from the migration", mood: "fine" },
  ]);
  await nothingOdd();
});
