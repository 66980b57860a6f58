import { isDeepStrictEqual } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
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
import { currentPlacements, registerOwnServer } from "./index.ts";

let house: TestPlacements;
// Each test has its own: keepers look after all that a registry knows, what earlier tests made and broke as well.
beforeEach(async () => {
  house = await testPlacements();
});
afterEach(() => house.close());

async function states(appId: string): Promise<Record<string, number>> {
  const { rows } = await sql<{ state: string; count: number }>`
    select state, count(*) as count from databases where app_id = ${appId} group by state`.execute(house.db);
  return Object.fromEntries(rows.map((row) => [row.state, row.count]));
}

async function place(appId: string, environmentId: string, schemaVersion = 1) {
  const wanted = { environmentId, appId, level: "database" as const, schemaVersion };
  return house.run((context) => house.placements.placeDatabase(context, wanted));
}

async function urlOf(environmentId: string): Promise<string> {
  const found = await house.placements.runtimePlaces(house.db, [environmentId]);
  return found.get(environmentId)!.database!.url;
}

test("an environment gets a database on the spot when there is no spare, and keeps it when asked again", async () => {
  const appId = await insertApp(house.db, notes);
  const environmentId = await insertEnvironment(house.db, appId);
  const placed = await place(appId, environmentId);
  expect(placed.fromSpare).toBe(false);
  expect(await place(appId, environmentId)).toMatchObject({ databaseId: placed.databaseId });
  expect(await runAt(await urlOf(environmentId), "select body from notes")).toEqual([
    { body: "from the migration" },
  ]);
  const shown = (await currentPlacements(house.db, [environmentId])).get(environmentId);
  expect(shown?.database).toMatchObject({ level: "database", server: "embedded", schemaVersion: 1 });
  expect(JSON.stringify(shown)).not.toContain("postgres://");
  expect(await states(appId)).toEqual({ blueprint: 1, in_use: 1 });
});

test("spares are kept, and eight environments that come at once get eight different ones", async () => {
  const appId = await insertApp(house.db, notes);
  const keeper = house.keeper({ atRest: 8, pollMs: 20 });
  keeper.start();
  await waitUntil("the shelf is full", async () => (await states(appId)).spare === 8, 30_000);
  const environments = await Promise.all(Array.from({ length: 8 }, () => insertEnvironment(house.db, appId)));
  const placed = await Promise.all(environments.map((environmentId) => place(appId, environmentId)));
  expect(placed.every(({ fromSpare }) => fromSpare)).toBe(true);
  expect(new Set(placed.map(({ databaseId }) => databaseId)).size).toBe(8);
  const urls = await Promise.all(environments.map(urlOf));
  for (const url of urls) await runAt(url, "insert into notes (body) values ('mine')");
  await waitUntil("the shelf is full again", async () => (await states(appId)).spare! >= 8, 30_000);
  await keeper.close();
});

test("spares of one application leave a full server to another's environments, one after the other", async () => {
  const [appId, otherAppId] = [await insertApp(house.db, notes), await insertApp(house.db, notes)];
  // Only one of them, and none of the tests before, is to have spares.
  await sql`update apps set current_release_id = null where id <> ${appId}`.execute(house.db);
  await waitUntil("what was begun before is through", async () => {
    const { rows } = await sql`
      select from operations where status in ('queued', 'running', 'waiting', 'undoing')`.execute(house.db);
    return rows.length === 0;
  });
  const { rows } = await sql<{ capacity: number; used: number }>`
    with used as (
      select count(*) as used from databases where server_id = ${house.serverId} and state <> 'blueprint'
    ), before as (select capacity from database_servers where id = ${house.serverId})
    update database_servers s set capacity = used + 3 from used, before where s.id = ${house.serverId}
    returning before.capacity, used
  `.execute(house.db);
  const { capacity, used } = rows[0]!;
  const standing = async () => {
    const { rows } = await sql<{ state: string }>`
      select state from databases where server_id = ${house.serverId} and state <> 'blueprint'`.execute(
      house.db,
    );
    const count = (wanted: string) => rows.filter(({ state }) => state === wanted).length;
    return { all: rows.length, spares: count("spare"), unsettled: count("creating") + count("removing") };
  };
  const keeper = house.keeper({ atRest: 8, pollMs: 20 });
  keeper.start();
  try {
    const { spares } = await waitUntil("spares fill the server but for a place", async () => {
      const now = await standing();
      return now.all === used + 2 && now.unsettled === 0 ? now : undefined;
    });
    for (const left of [spares - 1, spares - 2]) {
      const environmentId = await insertEnvironment(house.db, otherAppId);
      expect(await place(otherAppId, environmentId)).toMatchObject({ fromSpare: false });
      await waitUntil("a spare made room", async () => {
        const now = await standing();
        expect(now.all).toBeLessThanOrEqual(used + 3);
        return isDeepStrictEqual(now, { all: used + 2, spares: left, unsettled: 0 });
      });
    }
  } finally {
    await keeper.close();
    await sql`update database_servers set capacity = ${capacity} where id = ${house.serverId}`.execute(
      house.db,
    );
  }
});

test("an app's new schema version makes spares and blueprint of the old one go, and what somebody left of a blueprint", async () => {
  const appId = await insertApp(house.db, notes);
  const keeper = house.keeper({ atRest: 2, pollMs: 20 });
  keeper.start();
  await waitUntil("the shelf is full", async () => (await states(appId)).spare === 2, 30_000);
  await sql`
    insert into databases (id, server_id, app_id, level, name, schema_version, state, created_at)
    select gen_random_uuid(), server_id, app_id, level, name || '0', 1, 'creating', now() - interval '2 hours'
    from databases where app_id = ${appId} and state = 'blueprint'`.execute(house.db);
  await insertMigrations(house.db, appId, 2, ["alter table notes add column stars int"]);
  await sql`update apps set schema_version = 2 where id = ${appId}`.execute(house.db);
  await waitUntil(
    "only the new version stands",
    async () => {
      const { rows } = await sql<{ version: number; state: string; count: number }>`
        select schema_version as version, state, count(*) as count from databases where app_id = ${appId}
        group by 1, 2 order by 2`.execute(house.db);
      return (
        JSON.stringify(rows) ===
        '[{"version":2,"state":"blueprint","count":1},{"version":2,"state":"spare","count":2}]'
      );
    },
    30_000,
  );
  await keeper.close();
});

test("a database is migrated to a later version, and its placement says so", async () => {
  const appId = await insertApp(house.db, notes);
  const environmentId = await insertEnvironment(house.db, appId);
  const { databaseId } = await place(appId, environmentId);
  await insertMigrations(house.db, appId, 2, ["alter table notes add column stars int not null default 5"]);
  const migrated = await house.run((context) => house.placements.migrateDatabase(context, databaseId, 2));
  expect(migrated).toEqual({ applied: 1 });
  expect(await runAt(await urlOf(environmentId), "select stars from notes")).toEqual([{ stars: 5 }]);
  const shown = (await currentPlacements(house.db, [environmentId])).get(environmentId);
  expect(shown?.database).toMatchObject({ schemaVersion: 2 });
});

test("a failing migration is told with file, line and column, and leaves no row, database or role", async () => {
  const appId = await insertApp(house.db, "create table a (id int);\n\ncreate tabel b (id int);");
  const trial = house.run((context) => house.placements.tryMigrations(context, { appId, schemaVersion: 1 }));
  await expect(trial).rejects.toMatchObject({
    code: "migration_failed",
    detail: '0001.sql, line 3, column 8: syntax error at or near "tabel".',
  });
  expect(await states(appId)).toEqual({});
  expect(await house.placements.scanForLeftovers(house.db)).toEqual([]);
});

test("a blueprint that somebody dropped is built again", async () => {
  const appId = await insertApp(house.db, notes);
  await house.run((context) => house.placements.tryMigrations(context, { appId, schemaVersion: 1 }));
  const { rows } = await sql<{ name: string }>`
    select name from databases where app_id = ${appId} and state = 'blueprint'`.execute(house.db);
  await runAt(house.postgres.url, `drop database ${rows[0]!.name}`);
  expect(await house.placements.scanForLeftovers(house.db)).toMatchObject([
    { problem: "missing", name: rows[0]!.name },
  ]);
  const environmentId = await insertEnvironment(house.db, appId);
  await place(appId, environmentId);
  expect(await runAt(await urlOf(environmentId), "select 1 as one")).toEqual([{ one: 1 }]);
  expect(await house.placements.scanForLeftovers(house.db)).toEqual([]);
});

test("removing what an environment has leaves nothing, and may be repeated", async () => {
  const appId = await insertApp(house.db, notes);
  const environmentId = await insertEnvironment(house.db, appId);
  await place(appId, environmentId);
  await house.run((context) => house.placements.placeStorage(context, { environmentId, level: "prefix" }));
  await house.run((context) => house.placements.placeCache(context, { environmentId, level: "prefix" }));
  const kinds = ["database", "storage", "cache"] as const;
  for (const kind of [...kinds, ...kinds]) {
    await house.run((context) => house.placements.removePlacements(context, { environmentId, kind }));
  }
  expect(await states(appId)).toEqual({ blueprint: 1 });
  const { rows } = await sql`select from placements where environment_id = ${environmentId}`.execute(
    house.db,
  );
  expect(rows).toEqual([]);
  expect(await house.placements.scanForLeftovers(house.db)).toEqual([]);
});

test("the scan names what stands without a reason", async () => {
  const appId = await insertApp(house.db, notes);
  await place(appId, await insertEnvironment(house.db, appId));
  const driver = house.drivers.database!;
  const names = await driver.list({ id: house.serverId, url: house.postgres.url });
  const database = names.find(({ kind }) => kind === "database")!;
  await runAt(house.postgres.url, `create database tn_stray owner ${await ownerOf(database.name)}`);
  expect(await house.placements.scanForLeftovers(house.db)).toEqual([
    { problem: "unexplained", kind: "database", name: "tn_stray", serverId: house.serverId },
  ]);
  await runAt(house.postgres.url, "drop database tn_stray");
});

async function ownerOf(database: string): Promise<string> {
  const [row] = await runAt<{ owner: string }>(
    house.postgres.url,
    `select pg_get_userbyid(datdba) as owner from pg_database where datname = '${database}'`,
  );
  return row!.owner;
}

test("a server where building fails is left alone for a while, and others go on", async () => {
  const appId = await insertApp(house.db, notes);
  const second = await registerOwnServer(house.db, house.secrets, {
    name: "second",
    kind: "external",
    url: house.postgres.url,
  });
  const keeper = house.keeper({ atRest: 2, pollMs: 20 });
  // Often enough that the pause outlasts the test on a machine that is busy.
  for (let failures = 0; failures < 6; failures += 1) {
    keeper.spareEnded({ shelf: house.serverId, succeeded: false });
  }
  keeper.start();
  const built = await waitUntil("the second server's shelf is full", async () => {
    const { rows } = await sql<{ serverId: string }>`
      select server_id as "serverId" from databases where app_id = ${appId} and state = 'spare'`.execute(
      house.db,
    );
    return rows.length >= 2 && rows;
  });
  expect(built).toEqual([{ serverId: second }, { serverId: second }]);
  await keeper.close();
});

test("spares are as many as environments were placed lately, however often that was tried, and go when it is long ago", async () => {
  const appId = await insertApp(house.db, notes);
  const environments = await Promise.all([0, 1, 2, 3, 4].map(() => insertEnvironment(house.db, appId)));
  const settled = (spares: number) => async () => {
    const { spare = 0, creating = 0, removing = 0 } = await states(appId);
    return spare === spares && creating + removing === 0;
  };
  let keeper = house.keeper({ atRest: 1, pollMs: 20 });
  for (const _attempt of [1, 2, 3, 4]) await place(appId, environments[0]!);
  keeper.start();
  await waitUntil("one more than at rest stands ready", settled(2), 30_000);
  for (const environmentId of environments.slice(1)) await place(appId, environmentId);
  await waitUntil("a burst raises the shelf", settled(6), 30_000);
  await keeper.close();
  keeper = house.keeper({ atRest: 1, memoryMs: 0, pollMs: 20 });
  keeper.start();
  await waitUntil("twice as many as at rest are left", settled(2), 30_000);
  await keeper.close();
});
