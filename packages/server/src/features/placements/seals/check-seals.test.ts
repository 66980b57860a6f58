import { afterAll, beforeAll, expect, test } from "vitest";
import { versionComment } from "../../../drivers/database/common/seal/versions.ts";
import { notes, runAt } from "../../../drivers/database/driver.testsuite.ts";
import { sql } from "../../../infra/db/index.ts";
import { silentLog } from "../../../infra/log/index.ts";
import { makeEarlier } from "../../../testing/earlier-seals/index.ts";
import {
  insertApp,
  insertEnvironment,
  type TestPlacements,
  testPlacements,
} from "../../../testing/placements.ts";
import { openPlace } from "../../../testing/shared-harness.ts";
import { selectUnsealedDatabases } from "../index.ts";
import { sealServerUrl } from "../servers/servers.ts";

let house: TestPlacements;
beforeAll(async () => {
  house = await testPlacements();
});
afterAll(() => house.close());

async function place(appId: string) {
  const environmentId = await insertEnvironment(house.db, appId);
  const wanted = { environmentId, appId, level: "shared" as const, schemaVersion: 1 };
  const { databaseId } = await house.run((context) => house.placements.placeDatabase(context, wanted));
  return { environmentId, databaseId };
}

const check = () =>
  house.placements.checkSeals({ db: house.db, log: silentLog, signal: new AbortController().signal });

async function servedAt(environmentId: string): Promise<string | undefined> {
  return (await house.placements.runtimePlaces(house.db, [environmentId])).get(environmentId)!.database?.url;
}

function administratorsOf(name: string): string {
  const url = new URL(house.postgres.url);
  url.pathname = `/${name}`;
  return url.href;
}

async function told(databaseName: string): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select type as name from events where data ->> 'database' = ${databaseName} order by version, ordinal
  `.execute(house.db);
  return rows.map(({ name }) => name);
}

async function versionOf(environmentId: string): Promise<number> {
  const { rows } = await sql<{ version: number }>`
    select version::float8 as version from environments where id = ${environmentId}
  `.execute(house.db);
  return rows[0]!.version;
}

test("a shared database that lets rows out serves nobody and takes nobody in, until it is found mended", async () => {
  const appId = await insertApp(house.db, notes);
  const [first, second] = [await place(appId), await place(appId)];
  const url = (await servedAt(first.environmentId))!;
  const name = new URL(url).pathname.slice(1);
  await check();
  expect(await servedAt(first.environmentId)).toBe(url);
  expect(await told(name)).toEqual([]);

  await runAt(administratorsOf(name), "alter table notes no force row level security");
  const before = await versionOf(second.environmentId);
  for (let time = 0; time < 2; time += 1) await check();
  for (const { environmentId } of [first, second]) expect(await servedAt(environmentId)).toBeUndefined();
  // What applications follow has changed, so that those that have the database already let it go.
  expect(await versionOf(second.environmentId)).toBeGreaterThan(before);
  expect(await selectUnsealedDatabases(house.db)).toEqual([
    { name, problems: ["The table public.notes doesn't force row-level security on its owner."] },
  ]);
  expect(await told(name)).toEqual(["database.unsealed"]);
  const third = await place(appId);
  expect(third.databaseId).not.toBe(first.databaseId);
  expect(await servedAt(third.environmentId)).toBeDefined();

  await runAt(administratorsOf(name), "alter table notes force row level security");
  await check();
  expect(await servedAt(first.environmentId)).toBe(url);
  expect(await selectUnsealedDatabases(house.db)).toEqual([]);
  expect(await told(name)).toEqual(["database.unsealed", "database.sealed"]);
});

test("a shared database whose server is away stays what it was", async () => {
  const { environmentId } = await place(await insertApp(house.db, notes));
  const name = new URL((await servedAt(environmentId))!).pathname.slice(1);
  await runAt(administratorsOf(name), "alter table notes disable row level security");
  await check();
  const setUrl = (to: string) =>
    sql`update database_servers set url_secret = ${sealServerUrl(house.secrets, house.serverId, to)} where id = ${house.serverId}`.execute(
      house.db,
    );
  await setUrl("postgres://nobody@127.0.0.1:1/none");
  try {
    await check();
    expect((await selectUnsealedDatabases(house.db)).map((each) => each.name)).toContain(name);
  } finally {
    await setUrl(house.postgres.url);
  }
  await runAt(administratorsOf(name), "alter table notes enable row level security");
  await check();
  expect(await servedAt(environmentId)).toBeDefined();
});

test("a shared database whose seal an earlier version made is brought up to date, and serves its tenants all the time", async () => {
  const appId = await insertApp(house.db, notes);
  const { environmentId } = await place(appId);
  const url = (await servedAt(environmentId))!;
  const name = new URL(url).pathname.slice(1);
  await makeEarlier(administratorsOf(name), "parameter", 2);
  await Promise.all([check(), check()]);
  expect(await servedAt(environmentId)).toBe(url);
  expect(await told(name)).toEqual([]);
  expect(
    await runAt(
      administratorsOf(name),
      "select obj_description('tenantry'::regnamespace, 'pg_namespace') as made",
    ),
  ).toEqual([{ made: versionComment }]);
});

async function notesBy(environmentId: string): Promise<number> {
  const places = await house.placements.runtimePlaces(house.db, [environmentId]);
  const { url, seal } = places.get(environmentId)!.database!;
  const { database, close } = openPlace(url, { ...seal!, environmentId });
  return (await database.query("select from notes").finally(close)).rowCount;
}

const keyOf = async (environmentId: string) =>
  (await house.placements.runtimePlaces(house.db, [environmentId])).get(environmentId)!.database!.seal!.key;

test("the secret of a shared database is replaced while tenants are served; for a while the one before is as good", async () => {
  const appId = await insertApp(house.db, notes);
  const { environmentId } = await place(appId);
  const { url, seal } = (await house.placements.runtimePlaces(house.db, [environmentId])).get(environmentId)!
    .database!;
  const name = new URL(url).pathname.slice(1);
  const { database, close } = openPlace(url, { ...seal!, environmentId });
  await database.query("select from notes");
  const version = await versionOf(environmentId);
  expect(await house.placements.rotateSeals(house.db, appId)).toEqual({ databases: 1 });
  expect(await keyOf(environmentId)).not.toBe(seal!.key);
  expect(await versionOf(environmentId)).toBeGreaterThan(version);
  expect(await notesBy(environmentId)).toBe(1);
  expect((await database.query("select from notes")).rowCount).toBe(1);
  await check();
  expect(await servedAt(environmentId)).toBe(url);
  expect(await told(name)).toEqual(["database.secret-rotated"]);

  await runAt(
    administratorsOf(name),
    "update tenantry.secret set former_until = now() - interval '1 second'",
  );
  await expect(database.query("select from notes")).rejects.toMatchObject({ code: "TN002" });
  expect(await notesBy(environmentId)).toBe(1);
  await close();
});

test("a rotation that was interrupted, before or after the database had the new secret, is ended by the next look", async () => {
  const appId = await insertApp(house.db, notes);
  const { environmentId } = await place(appId);
  const name = new URL((await servedAt(environmentId))!).pathname.slice(1);
  // The registry doesn't get to hear of it.
  await sql`alter table events drop constraint if exists interrupted`.execute(house.db);
  await sql`alter table events add constraint interrupted check (type <> 'database.secret-rotated') not valid`.execute(
    house.db,
  );
  const before = await keyOf(environmentId);
  await expect(house.placements.rotateSeals(house.db, appId)).rejects.toThrow("interrupted");
  expect(await keyOf(environmentId)).toBe(before);
  expect(await notesBy(environmentId)).toBe(1);
  await sql`alter table events drop constraint interrupted`.execute(house.db);
  await check();
  const after = await keyOf(environmentId);
  expect(after).not.toBe(before);
  expect(await notesBy(environmentId)).toBe(1);

  // The database doesn't get to hear of it.
  const held =
    "alter table tenantry.secret add constraint interrupted check (former_until < '2000-01-01') not valid";
  await runAt(administratorsOf(name), held);
  await expect(house.placements.rotateSeals(house.db, appId)).rejects.toThrow("interrupted");
  expect(await notesBy(environmentId)).toBe(1);
  await runAt(administratorsOf(name), "alter table tenantry.secret drop constraint interrupted");
  await check();
  expect(await keyOf(environmentId)).not.toBe(after);
  expect(await notesBy(environmentId)).toBe(1);
});
