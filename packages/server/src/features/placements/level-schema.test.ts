import { afterAll, beforeAll, expect, test } from "vitest";
import { notes, runAt } from "../../drivers/database/driver.testsuite.ts";
import { sql } from "../../infra/db/index.ts";
import {
  insertApp,
  insertEnvironment,
  insertMigrations,
  type TestPlacements,
  testPlacements,
} from "../../testing/placements.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { currentPlacements } from "./index.ts";

let house: TestPlacements;
beforeAll(async () => {
  house = await testPlacements();
});
afterAll(() => house.close());

async function place(appId: string, level: "database" | "schema", schemaVersion = 1) {
  const environmentId = await insertEnvironment(house.db, appId);
  const wanted = { environmentId, appId, level, schemaVersion };
  const placed = await house.run((context) => house.placements.placeDatabase(context, wanted));
  return { environmentId, ...placed };
}

async function urlOf(environmentId: string): Promise<string> {
  const found = await house.placements.runtimePlaces(house.db, [environmentId]);
  return found.get(environmentId)!.database!.url;
}

const remove = (environmentId: string) =>
  house.run((context) => house.placements.removePlacements(context, { environmentId, kind: "database" }));

const nothingOdd = async () => expect(await house.placements.scanForLeftovers(house.db)).toEqual([]);

test("an app's environments live at different levels at the same time, each with rows of its own", async () => {
  const appId = await insertApp(house.db, notes);
  const [own, first, second] = [
    await place(appId, "database"),
    await place(appId, "schema"),
    await place(appId, "schema"),
  ];
  for (const [number, { environmentId }] of [own, first, second].entries()) {
    const url = await urlOf(environmentId);
    await runAt(url, `insert into notes (body) values ('number ${number}')`);
    expect(await runAt(url, "select body from notes order by id")).toEqual([
      { body: "from the migration" },
      { body: `number ${number}` },
    ]);
  }
  const shown = await currentPlacements(house.db, [own.environmentId, first.environmentId]);
  expect(shown.get(own.environmentId)?.database).toMatchObject({ level: "database" });
  expect(shown.get(first.environmentId)?.database).toMatchObject({ level: "schema", schemaVersion: 1 });
  await nothingOdd();
});

test("what an environment had is removed without a trace, and its neighbours keep theirs", async () => {
  const appId = await insertApp(house.db, notes);
  const [gone, kept] = [await place(appId, "schema"), await place(appId, "schema")];
  const url = await urlOf(gone.environmentId);
  for (let time = 0; time < 2; time += 1) await remove(gone.environmentId);
  await expect(runAt(url, "select 1")).rejects.toThrow();
  expect(await runAt(await urlOf(kept.environmentId), "select body from notes")).toHaveLength(1);
  const { rows } = await sql`select from resources where environment_id = ${gone.environmentId}`.execute(
    house.db,
  );
  expect(rows).toEqual([]);
  await nothingOdd();
});

test("a later schema version reaches an environment with its rows, and others when their turn comes", async () => {
  const appId = await insertApp(house.db, notes);
  const [early, late] = [await place(appId, "schema"), await place(appId, "schema")];
  await insertMigrations(house.db, appId, 2, ["alter table public.notes add column stars int default 2"]);
  await house.run((context) => house.placements.migrateDatabase(context, early.databaseId, 2));
  expect(await runAt(await urlOf(early.environmentId), "select stars from notes")).toEqual([{ stars: 2 }]);
  await expect(runAt(await urlOf(late.environmentId), "select stars from notes")).rejects.toMatchObject({
    code: "42703",
  });
  const fresh = await place(appId, "schema", 2);
  expect(await runAt(await urlOf(fresh.environmentId), "select stars from notes")).toEqual([{ stars: 2 }]);
  await nothingOdd();
});

test("many environments are migrated in one step, as a release does it", async () => {
  const appId = await insertApp(house.db, notes);
  const placed = await Promise.all([1, 2, 3, 4].map(() => place(appId, "schema")));
  await insertMigrations(house.db, appId, 2, [
    "alter table notes add column stars int default 2; select pg_sleep(0.1)",
  ]);
  await house.run((context) =>
    Promise.all(placed.map(({ databaseId }) => house.placements.migrateDatabase(context, databaseId, 2))),
  );
  for (const { environmentId } of placed) {
    expect(await runAt(await urlOf(environmentId), "select stars from notes")).toEqual([{ stars: 2 }]);
  }
  await nothingOdd();
});

test("an app whose schema the level can't hold is refused by name, and leaves nothing of the environment", async () => {
  const appId = await insertApp(house.db, "create schema shop; create table shop.items (id int);");
  const environmentId = await insertEnvironment(house.db, appId);
  const wanted = { environmentId, appId, level: "schema" as const, schemaVersion: 1 };
  const trial = house.run(
    (context) => house.placements.placeDatabase(context, wanted),
    (context) => house.placements.removePlacements(context, { environmentId, kind: "database" }),
  );
  await expect(trial).rejects.toMatchObject({
    code: "isolation_unavailable",
    detail: expect.stringContaining("schema shop"),
  });
  await nothingOdd();
});

async function schemasOf(appId: string): Promise<string[]> {
  const { rows } = await sql<{ shown: string }>`
    select schema_version || ' ' || state as shown from databases where app_id = ${appId} and level = 'schema'
    order by 1
  `.execute(house.db);
  return rows.map(({ shown }) => shown);
}

test("schemas stand ready where an environment has one, are taken whole, and go when nobody needs them", async () => {
  const appId = await insertApp(house.db, notes);
  const keeper = house.keeper({ atRest: 1, pollMs: 20 });
  keeper.start();
  const first = await place(appId, "schema");
  expect(first.fromSpare).toBe(false);
  const stands = async () => (await schemasOf(appId)).includes("1 spare");
  await waitUntil("one is ready", stands, 30_000);
  const others = await Promise.all([place(appId, "schema"), place(appId, "schema")]);
  expect(others.map(({ fromSpare }) => fromSpare)).toContain(true);
  await waitUntil("the shelf is filled again", stands, 30_000);
  for (const { environmentId, fromSpare } of others) {
    const url = await urlOf(environmentId);
    await runAt(url, "insert into notes (body) values ('mine')");
    expect(await runAt(url, "select body from notes order by id")).toHaveLength(2);
    if (!fromSpare) continue;
    const { rows } = await sql`
      select kind from resources where environment_id = ${environmentId} order by kind
    `.execute(house.db);
    expect(rows).toEqual([{ kind: "database" }, { kind: "role" }, { kind: "role" }]);
  }
  for (const { environmentId } of [first, ...others]) await remove(environmentId);
  await waitUntil("none is left", async () => (await schemasOf(appId)).length === 0, 30_000);
  await keeper.close();
  await nothingOdd();
});

test("a schema that was made ready for an older version goes, and nobody gets it", async () => {
  const appId = await insertApp(house.db, notes);
  const keeper = house.keeper({ atRest: 1, pollMs: 20 });
  keeper.start();
  const { databaseId } = await place(appId, "schema");
  await waitUntil("one is ready", async () => (await schemasOf(appId)).includes("1 spare"), 30_000);
  await insertMigrations(house.db, appId, 2, ["alter table public.notes add column stars int default 2"]);
  const fresh = await place(appId, "schema", 2);
  expect(await runAt(await urlOf(fresh.environmentId), "select stars from notes")).toEqual([{ stars: 2 }]);
  await sql`update apps set schema_version = 2 where id = ${appId}`.execute(house.db);
  const settled = ["1 in_use", "2 in_use"];
  await waitUntil(
    "only the new version is ready",
    async () => {
      const shown = await schemasOf(appId);
      return shown.includes("2 spare") && shown.every((one) => [...settled, "2 spare"].includes(one));
    },
    30_000,
  );
  await house.run((context) => house.placements.migrateDatabase(context, databaseId, 2));
  await keeper.close();
});
