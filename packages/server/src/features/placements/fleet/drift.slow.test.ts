import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { urlTo } from "../../../drivers/database/common/url.ts";
import { runAt } from "../../../drivers/database/driver.testsuite.ts";
import { createEmbeddedServers, type Difference } from "../../../drivers/database/index.ts";
import { sql } from "../../../infra/db/index.ts";
import { type TestFleet, testFleet } from "../../../testing/fleet.ts";
import {
  insertApp,
  insertEnvironment,
  insertMigrations,
  type TestPlacements,
  testPlacements,
} from "../../../testing/placements.ts";
import { schemaText, sharedSchemaText } from "../../../testing/proofs/index.ts";
import { requireServer } from "../servers/servers.ts";

let fleet: TestFleet;
let house: TestPlacements;
beforeAll(async () => {
  fleet = await testFleet();
  house = await testPlacements({ servers: createEmbeddedServers(fleet) });
});
afterAll(async () => {
  await house?.close();
  await fleet?.close();
});

type Level = "database" | "schema" | "shared" | "dedicated";

async function place(appId: string, level: Level, schemaVersion: number): Promise<string> {
  const environmentId = await insertEnvironment(house.db, appId);
  const wanted = { environmentId, appId, level, schemaVersion };
  const { databaseId } = await house.run((context) => house.placements.placeDatabase(context, wanted));
  return databaseId;
}

/** Statements where the database's things are, as a superuser. */
async function tamper(databaseId: string, text: string): Promise<void> {
  const { rows } = await sql<{ name: string; serverId: string }>`
    select name, server_id as "serverId" from databases where id = ${databaseId}`.execute(house.db);
  const { name, serverId } = rows[0]!;
  const [database, schema] = name.split(".");
  const { url } = await requireServer(house.db, house.secrets, serverId);
  await runAt(urlTo(url, database!), `set search_path to ${schema ?? "public"}; ${text}`);
}

async function check(appId: string) {
  const id = await house.start(house.placements.workflows.drift, { appId });
  expect(await house.ended(id)).toBe("succeeded");
  const { rows } = await sql<{ databaseId: string; hash: string; differences: Difference[] }>`
    select c.database_id as "databaseId", c.hash, c.differences from catalog_checks c
      join databases d on d.id = c.database_id where d.app_id = ${appId} order by d.id`.execute(house.db);
  expect(await house.placements.scanForLeftovers(house.db)).toEqual([]);
  return rows;
}

const events = async (appId: string) => {
  const { rows } = await sql<{ data: { objects: string[] } }>`
    select data from events where type = 'schema.drifted' and exists (select from environments e join tenants t on t.id = e.tenant_id
        where t.app_id = ${appId} and e.id = environment_id) order by version`.execute(house.db);
  return rows.map(({ data }) => data.objects);
};

describe.each(["database", "schema", "shared"] as const)("at the level %s", (level) => {
  test.each(["rental", "quoted", "dumped"] as const)(
    "a database that nobody touched doesn't differ: %s",
    async (name) => {
      const text = level === "shared" ? await sharedSchemaText(name) : await schemaText(name);
      const appId = await insertApp(house.db, text);
      await place(appId, level, 1);
      await place(appId, level, 1);
      const found = await check(appId);
      expect(found.length).toBe(level === "shared" ? 1 : 2);
      expect(found.flatMap(({ differences }) => differences)).toEqual([]);
    },
  );

  test("what was added, taken away or changed by hand is named", async () => {
    const appId = await insertApp(
      house.db,
      "create table notes (id int primary key, title text not null, stars int default 1); create index on notes (title);",
    );
    const databaseId = await place(appId, level, 1);
    await tamper(
      databaseId,
      `drop index notes_title_idx; alter table notes alter title drop not null, alter stars set default 2;
       create table extra (id int);`,
    );
    const [found] = await check(appId);
    const told = found!.differences.map(({ object, problem }) => `${object}: ${problem}`);
    expect(told).toEqual(
      expect.arrayContaining([
        'column "notes"."title": different',
        'default of "notes".stars: different',
        'table "extra": unexpected',
      ]),
    );
    expect(told.some((one) => one.endsWith("missing"))).toBe(true);
    const title = found!.differences.find(({ object }) => object === 'column "notes"."title"');
    expect(title?.detail).toBe("notNull is not set, and should be true");
  });
});

test.each(["database", "schema"] as const)(
  "one that later migrations were applied to equals one made anew, at the level %s",
  async (level) => {
    const appId = await insertApp(
      house.db,
      "create table notes (id serial primary key, title text); insert into notes (title) values ('a');",
    );
    const databaseId = await place(appId, level, 1);
    await insertMigrations(house.db, appId, 2, [
      "alter table notes rename title to name; create view names as select name from notes;",
      `create function public.count_notes() returns bigint language sql as 'select count(*) from public.notes';
       insert into notes (name) values ('b');`,
    ]);
    await house.run((context) => house.placements.migrateDatabase(context, databaseId, 3));
    await tamper(databaseId, "insert into notes (name) select 'x' from generate_series(1, 100)");
    expect((await check(appId)).flatMap(({ differences }) => differences)).toEqual([]);
  },
);

test("a shared database that later migrations were applied to equals one made anew", async () => {
  const appId = await insertApp(
    house.db,
    "create table notes (id serial primary key, title text); insert into notes (title) values ('a');",
  );
  const databaseId = await place(appId, "shared", 1);
  await insertMigrations(house.db, appId, 2, [
    `alter table notes add column stars int not null default 0 check (stars >= 0);
     create index notes_stars on notes (stars); create view titles as select id, title from notes;`,
    `create table tags (id serial primary key, note_id int references notes on delete cascade, name text unique);
     update notes set stars = 1;`,
  ]);
  await house.run((context) => house.placements.migrateDatabase(context, databaseId, 3));
  expect((await check(appId)).flatMap(({ differences }) => differences)).toEqual([]);
});

test("at the level dedicated each is compared on its own server, and only the one that was changed is named", async () => {
  const appId = await insertApp(house.db, "create table notes (id int primary key, title text not null);");
  const [untouched, changed] = [await place(appId, "dedicated", 1), await place(appId, "dedicated", 1)];
  expect((await check(appId)).map(({ differences }) => differences)).toEqual([[], []]);
  await tamper(changed, "alter table notes alter title drop not null; create table extra (id int);");
  const found = new Map((await check(appId)).map((one) => [one.databaseId, one.differences]));
  expect(found.get(untouched)).toEqual([]);
  expect(found.get(changed)!.map(({ object, problem }) => `${object}: ${problem}`)).toEqual([
    'column "extra"."id": unexpected',
    'column "notes"."title": different',
    'table "extra": unexpected',
  ]);
});

test("a difference is told once, and again when it is another one", async () => {
  const appId = await insertApp(house.db, "create table notes (id int);");
  const databaseId = await place(appId, "database", 1);
  await tamper(databaseId, "alter table notes add column a int");
  await check(appId);
  await check(appId);
  expect(await events(appId)).toEqual([['column "notes"."a": unexpected']]);
  await tamper(databaseId, "alter table notes drop column a");
  const [mended] = await check(appId);
  expect(mended!.differences).toEqual([]);
  await tamper(databaseId, "alter table notes add column b int");
  await check(appId);
  expect(await events(appId)).toEqual([
    ['column "notes"."a": unexpected'],
    ['column "notes"."b": unexpected'],
  ]);
});

test("a database that isn't there lacks everything", async () => {
  const appId = await insertApp(house.db, "create table notes (id int);");
  const databaseId = await place(appId, "database", 1);
  const { rows } = await sql<{ name: string }>`
    select name from databases where id = ${databaseId}`.execute(house.db);
  await runAt(house.postgres.url, `drop database ${rows[0]!.name} with (force)`);
  const id = await house.start(house.placements.workflows.drift, { appId });
  expect(await house.ended(id)).toBe("succeeded");
  const { rows: found } = await sql<{ differences: Difference[] }>`
    select differences from catalog_checks where database_id = ${databaseId}`.execute(house.db);
  expect(found[0]!.differences.every(({ problem }) => problem === "missing")).toBe(true);
  expect(found[0]!.differences.length).toBeGreaterThan(1);
});
