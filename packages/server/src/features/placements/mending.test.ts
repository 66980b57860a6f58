import { afterEach, beforeEach, expect, test } from "vitest";
import { notes, runAt } from "../../drivers/database/driver.testsuite.ts";
import { inTransaction, sql } from "../../infra/db/index.ts";
import { silentLog } from "../../infra/log/index.ts";
import {
  insertApp,
  insertEnvironment,
  insertMigrations,
  type TestPlacements,
  testPlacements,
} from "../../testing/placements.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { registerOwnServer } from "./index.ts";

let house: TestPlacements;
beforeEach(async () => {
  house = await testPlacements();
});
afterEach(() => house.close());

async function states(appId: string): Promise<Record<string, number>> {
  const { rows } = await sql<{ state: string; count: number }>`
    select state, count(*) as count from databases where app_id = ${appId} group by state`.execute(house.db);
  return Object.fromEntries(rows.map((row) => [row.state, row.count]));
}

async function place(appId: string): Promise<string> {
  const environmentId = await insertEnvironment(house.db, appId);
  const wanted = { environmentId, appId, level: "database" as const, schemaVersion: 1 };
  await house.run((context) => house.placements.placeDatabase(context, wanted));
  return environmentId;
}

async function urlOf(environmentId: string): Promise<string> {
  const found = await house.placements.runtimePlaces(house.db, [environmentId]);
  return found.get(environmentId)!.database!.url;
}

test("what was tried for a release that came to nothing is removed, and what serves the app stays", async () => {
  const appId = await insertApp(house.db, notes);
  const other = await insertApp(house.db, notes);
  for (const id of [appId, other]) await place(id);
  await insertMigrations(house.db, appId, 2, ["create table unreleased (id int)"]);
  await house.run((context) => house.placements.tryMigrations(context, { appId, schemaVersion: 2 }));
  expect(await states(appId)).toEqual({ blueprint: 2, in_use: 1 });
  await inTransaction(house.db, (tx) => house.placements.dropTrials(tx, appId));
  await waitUntil("it is gone", async () => (await states(appId)).removing === undefined);
  for (const id of [appId, other]) expect(await states(id)).toEqual({ blueprint: 1, in_use: 1 });
  expect(await house.placements.scanForLeftovers(house.db)).toEqual([]);
});

test("nothing is built in place of a blueprint that is on its way out, until it is gone", async () => {
  const appId = await insertApp(house.db, notes);
  const tried = (signal = new AbortController().signal) =>
    house.run((context) =>
      house.placements.tryMigrations({ ...context, signal }, { appId, schemaVersion: 1 }),
    );
  await tried();
  // As the removal stands between dropping the database and forgetting it.
  await sql`update databases set state = 'removing' where app_id = ${appId}`.execute(house.db);
  const { rows } = await sql<{ name: string }>`select name from databases where app_id = ${appId}`.execute(
    house.db,
  );
  await runAt(house.postgres.url, `drop database "${rows[0]!.name}" with (force)`);
  await expect(tried(AbortSignal.timeout(1_000))).rejects.toMatchObject({
    detail: "The operation was aborted",
  });
  expect(
    await runAt(house.postgres.url, `select from pg_database where datname = '${rows[0]!.name}'`),
  ).toEqual([]);
  await sql`
    with forgotten as (delete from databases where app_id = ${appId} returning name)
    delete from resources where physical_name in (select name from forgotten)
  `.execute(house.db);
  await tried();
  expect(await states(appId)).toEqual({ blueprint: 1 });
});

test("a tenant whose role gave itself another password is let in again, with the password that its application has", async () => {
  const appId = await insertApp(house.db, notes);
  const environmentId = await place(appId);
  const url = await urlOf(environmentId);
  expect(await house.placements.repairLogin(house.db, environmentId)).toBe(false);
  await runAt(url, "alter role current_user password 'another'");
  await expect(runAt(url, "select 1")).rejects.toMatchObject({ code: "28P01" });
  expect(await house.placements.repairLogin(house.db, environmentId)).toBe(true);
  expect(await urlOf(environmentId)).toBe(url);
  expect(await runAt(url, "select 1 as one")).toEqual([{ one: 1 }]);
  await sql`update databases set state = 'removing' where app_id = ${appId} and state = 'in_use'`.execute(
    house.db,
  );
  await runAt(url, "alter role current_user password 'another'");
  await expect(house.placements.repairLogin(house.db, environmentId)).rejects.toMatchObject({
    code: "environment_unavailable",
  });
  await sql`update databases set state = 'in_use' where app_id = ${appId} and state = 'removing'`.execute(
    house.db,
  );
});

test("a password that a role gave itself ends with the next look, though nobody logs in; a server that is away is passed over", async () => {
  const appId = await insertApp(house.db, notes);
  const [first, second] = [await place(appId), await place(appId)];
  const urls = [await urlOf(first), await urlOf(second)];
  for (const url of urls) await runAt(url, "alter role current_user password 'another'");
  const { db } = house;
  const away = await registerOwnServer(db, house.secrets, {
    name: "away",
    kind: "external",
    url: house.postgres.url,
  });
  const urlSecret = house.secrets.seal("postgres://127.0.0.1:1/postgres", `database_server:${away}`);
  await sql`update database_servers set url_secret = ${urlSecret} where id = ${away}`.execute(db);
  const [{ databaseId }] = (await databaseOf(first)) as [{ databaseId: string }];
  await sql`update databases set server_id = ${away} where id = ${databaseId}`.execute(house.db);

  await house.placements.checkLogins({ db, log: silentLog, signal: AbortSignal.abort() });
  await expect(runAt(urls[1]!, "select 1")).rejects.toMatchObject({ code: "28P01" });
  const run = { db, log: silentLog, signal: new AbortController().signal };
  await house.placements.checkLogins(run);
  expect(await runAt(urls[1]!, "select 1 as one")).toEqual([{ one: 1 }]);
  await sql`update databases set server_id = ${house.serverId} where id = ${databaseId}`.execute(house.db);
  await house.placements.checkLogins(run);
  expect(await runAt(urls[0]!, "select 1 as one")).toEqual([{ one: 1 }]);
});

async function databaseOf(environmentId: string): Promise<{ databaseId: string }[]> {
  const { rows } = await sql<{ databaseId: string }>`
    select database_id as "databaseId" from placements
    where environment_id = ${environmentId} and kind = 'database' and state = 'current'
  `.execute(house.db);
  return rows;
}
