import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { notes, runAt } from "../../../drivers/database/driver.testsuite.ts";
import type { DatabaseDrivers } from "../../../drivers/database/index.ts";
import { inTransaction, sql } from "../../../infra/db/index.ts";
import {
  insertApp,
  insertEnvironment,
  insertMigrations,
  type TestPlacements,
  testPlacements,
} from "../../../testing/placements.ts";
import { waitUntil } from "../../../testing/wait-until.ts";

type Moment = "before it is built" | "after it was built" | "after a copy failed";

let house: TestPlacements;
/** Called by whoever comes to one of these moments; who isn't to wait is let through. */
let at: (moment: Moment) => Promise<void>;

beforeAll(async () => {
  house = await testPlacements({ wrap: (drivers) => ({ database: watched(drivers) }) });
});
afterAll(() => house.close());
beforeEach(() => {
  at = async () => {};
});

function watched(drivers: DatabaseDrivers) {
  const driver = drivers.database!;
  return {
    ...driver,
    async buildBlueprint(...[context, request]: Parameters<typeof driver.buildBlueprint>) {
      await at("before it is built");
      const name = await driver.buildBlueprint(context, request);
      await at("after it was built");
      return name;
    },
    async build(...[context, request]: Parameters<typeof driver.build>) {
      return driver.build(context, request).catch(async (error: unknown) => {
        await at("after a copy failed");
        throw error;
      });
    },
  };
}

/** The first who comes to the moment stands still there until he is let go. */
function firstWaits(moment: Moment) {
  const { promise: stands, resolve: isThere } = Promise.withResolvers<void>();
  const { promise: goesOn, resolve: letGo } = Promise.withResolvers<void>();
  let taken = false;
  at = async (reached) => {
    if (taken || reached !== moment) return;
    taken = true;
    isThere();
    await goesOn;
  };
  return { stands, letGo };
}

async function blueprints(appId: string): Promise<{ id: string; name: string; state: string }[]> {
  const { rows } = await sql<{ id: string; name: string; state: string }>`
    select id, name, state from databases where app_id = ${appId} and name like 'tnb\\_%' order by schema_version
  `.execute(house.db);
  return rows;
}

const standing = async (name: string) =>
  (await runAt(house.postgres.url, `select from pg_database where datname = '${name}'`)).length;

const tryVersion = (appId: string, schemaVersion: number) =>
  house.run((context) => house.placements.tryMigrations(context, { appId, schemaVersion }));

async function place(appId: string): Promise<void> {
  const environmentId = await insertEnvironment(house.db, appId);
  const wanted = { environmentId, appId, level: "database" as const, schemaVersion: 1 };
  await house.run((context) => house.placements.placeDatabase(context, wanted));
}

test("what the levels can't hold of a version is known once it was tried, by file and line", async () => {
  const files = [
    "create table a (id int primary key);\n",
    "\ncreate materialized view b as select 1 as c;\n",
  ];
  const appId = await insertApp(house.db, ...files);
  await tryVersion(appId, 2);
  const refuse = (level: "schema" | "shared" | "sqlite", schemaVersion: number) =>
    house.placements.refuseKnownUnheld(house.db, { appId, schemaVersion, level });
  await refuse("schema", 2);
  for (const level of ["shared", "sqlite"] as const)
    await expect(refuse(level, 2)).rejects.toMatchObject({
      code: "isolation_unavailable",
      details: { extra: { file: "0002.sql", line: 2 } },
    });
  // Of what nobody has tried nothing is known.
  await refuse("shared", 1);
});

for (const moment of ["before it is built", "after it was built"] as const) {
  test(`a blueprint that comes to nothing for another ${moment} for us is built again, and known`, async () => {
    const appId = await insertApp(house.db, notes);
    await insertMigrations(house.db, appId, 2, ["create table unreleased (id int)"]);
    const { stands, letGo } = firstWaits(moment);
    const slow = tryVersion(appId, 2);
    await stands;
    await tryVersion(appId, 2);
    await inTransaction(house.db, (tx) => house.placements.dropTrials(tx, appId));
    await waitUntil("it is forgotten", async () => (await blueprints(appId)).length === 0);
    letGo();
    await slow;
    const [blueprint] = await blueprints(appId);
    expect(blueprint).toMatchObject({ state: "blueprint" });
    expect(await standing(blueprint!.name)).toBe(1);
    expect(await house.placements.scanForLeftovers(house.db)).toEqual([]);
  });
}

test("of two who find a blueprint gone the slower doesn't forget the one that the quicker has built", async () => {
  const appId = await insertApp(house.db, notes);
  await tryVersion(appId, 1);
  const { name } = (await blueprints(appId))[0]!;
  await runAt(house.postgres.url, `drop database "${name}" with (force)`);
  const { stands, letGo } = firstWaits("after a copy failed");
  const slow = place(appId);
  await stands;
  await place(appId);
  const rebuilt = await blueprints(appId);
  letGo();
  await slow;
  expect(await blueprints(appId)).toEqual(rebuilt);
  expect(await standing(name)).toBe(1);
  expect(await house.placements.scanForLeftovers(house.db)).toEqual([]);
});
