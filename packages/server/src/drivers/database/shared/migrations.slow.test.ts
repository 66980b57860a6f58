import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId, showId } from "../../../kernel/index.ts";
import { embeddedLikeServer, type TestServer } from "../../../testing/database-servers.ts";
import { testContext } from "../../../testing/driver-context.ts";
import { openPlace } from "../../../testing/shared-harness.ts";
import { waitUntil } from "../../../testing/wait-until.ts";
import { newPassword } from "../common/scram.ts";
import { urlTo } from "../common/url.ts";
import { runAt, schemaOf } from "../driver.testsuite.ts";
import type { BuiltDatabase, DatabaseServer, SharedPlace } from "../driver.ts";
import { createSharedDriver } from "./index.ts";

const installationId = newId();
const driver = createSharedDriver({ installationId });
let postgres: TestServer;
let server: DatabaseServer;

const first = `
  create type mood as enum ('fine', 'tired');
  create table notes (id serial primary key, body text not null, rank int, mood mood default 'fine');
  create table parts (id int primary key, note_id int not null references notes);
  create view bodies as select id, body from notes;
  create function shout(text) returns text language sql as 'select upper($1)';
  insert into notes (body, rank) values ('first', 1);`;

beforeAll(async () => {
  postgres = await embeddedLikeServer();
  server = { id: newId(), url: postgres.url };
});
afterAll(() => postgres.stop());

/** A shared database with two environments, at the first file. */
async function begun(options: { limits?: Parameters<typeof createSharedDriver>[0]["limits"] } = {}) {
  const appId = newId();
  const databaseId = newId();
  const schema = schemaOf(appId, first);
  const own = createSharedDriver({ installationId, ...options });
  await driver.buildBlueprint(testContext(), { server, schema });
  const built = await driver.build(testContext(), { server, databaseId, schema });
  const places = await Promise.all(
    [newId(), newId()].map(async (environmentId): Promise<SharedPlace> => {
      const place = { server, database: built, databaseId, appId, environmentId, sealKey: built.sealKey! };
      await driver.sharing!.admit(testContext(), place);
      return place;
    }),
  );
  const request = (...files: string[]) => ({
    server,
    database: built,
    schema: schemaOf(appId, first, ...files),
  });
  return {
    built,
    places: places as [SharedPlace, SharedPlace],
    migrate: (...files: string[]) => own.migrate(testContext(), request(...files)),
    rehearse: (...files: string[]) => own.sharing!.rehearse(testContext(), request(...files)),
    superuserUrl: urlTo(postgres.superuserUrl, built.name),
  };
}

async function run(one: SharedPlace, ...statements: string[]): Promise<pg.QueryResultRow[]> {
  const { databaseId, environmentId, sealKey: key } = one;
  const url = driver.connectionUrl(server, one.database as BuiltDatabase);
  const { database, close } = openPlace(url, { databaseId, environmentId, key, pooled: false });
  try {
    let rows: pg.QueryResultRow[] = [];
    for (const statement of statements) ({ rows } = await database.query<pg.QueryResultRow>(statement));
    return rows;
  } finally {
    await close();
  }
}

describe("a file is refused, with its line and how to mend it, before anything is touched: it", () => {
  let house: Awaited<ReturnType<typeof begun>>;
  beforeAll(async () => {
    house = await begun();
  });

  test.each([
    ["empties tables", "select 1;\ntruncate parts;", /^0002\.sql, line 2: .* TRUNCATE isn't for a database/],
    ["sets a sequence by a function", "select setval('notes_id_seq', 50)", /it calls setval/],
    [
      "makes a table of rows",
      "create table copy as select * from notes",
      /rows come from those of every environment/,
    ],
    [
      "changes schema and rows in one block",
      "do $$ begin alter table notes add column x int; update notes set x = 1; end $$",
      /the block changes the schema and rows as well/,
    ],
    [
      "changes a type in a block",
      "-- tenantry: contract\ndo $$ begin alter table notes alter column rank type text; end $$",
      /line 2: .*changes a column's type within a block/,
    ],
    ["rolls a part back", "savepoint a; rollback to a", /SAVEPOINT/],
    [
      "makes what the level can't hold",
      "create materialized view m as select 1 as x",
      /materialized view "m"/,
    ],
    ["takes a table away", "drop table parts", /the table "parts" is gone/],
    [
      "takes a column away",
      "drop view bodies;\nalter table notes drop column body",
      /line 1: .*the view "bodies" is gone/,
    ],
    [
      "calls a column otherwise",
      "alter table notes rename column rank to place",
      /the column rank of "notes" is gone/,
    ],
    [
      "calls a label otherwise",
      "alter type mood rename value 'fine' to 'well'",
      /the value fine of "mood" is gone/,
    ],
    ["takes a function away", "drop function shout(text)", /the function "shout"\(\w* ?text\) is gone/],
    [
      "changes a type",
      "alter table notes alter column rank type bigint",
      /rank of "notes" is bigint instead of integer/,
    ],
    [
      "asks for what the running release doesn't give",
      "alter table notes add column owner text;\nupdate notes set owner = 'x';\nalter table notes alter column owner set not null",
      /line 3: .*the column owner of "notes" has to be given, and has no default/,
    ],
  ])("%s", async (_what, file, words) => {
    await expect(house.rehearse(file)).rejects.toMatchObject({
      code: "isolation_unavailable",
      message: expect.stringMatching(words),
      details: { remedy: expect.stringMatching(/\w/) },
    });
  });

  test.each([
    [
      "makes again what it took away",
      "drop view bodies; create view bodies as select id, body, mood from notes;",
    ],
    [
      "takes away what it made itself",
      "create table t (a int); drop table t; alter table notes add column b int; alter table notes drop column b;",
    ],
    [
      "lets texts be longer",
      "alter table notes add column short varchar(5); alter table notes alter column short type varchar(9)",
    ],
    ["asks for what has a default", "alter table notes add column owner text not null default 'nobody'"],
    ["says that nobody needs it", "-- tenantry: contract\ndrop table parts;"],
  ])("isn't when it %s", async (_what, file) => {
    await expect(house.rehearse(file)).resolves.toBeUndefined();
  });

  test("afterwards nothing is different, and nothing left", async () => {
    const before = await driver.list(server);
    await expect(house.rehearse("drop table parts")).rejects.toThrow();
    expect(await driver.list(server)).toEqual(before);
    expect(await run(house.places[0], "select id, body, rank, mood from notes")).toEqual([
      { id: 1, body: "first", rank: 1, mood: "fine" },
    ]);
  });
});

test("what fails in one environment is told with file, line and environment, and leaves all as they were; mended, it goes", async () => {
  const { places, migrate } = await begun();
  await run(places[1], "insert into notes (body, rank) values ('twice', 7), ('twice', 7)");
  const file = `alter table notes add column share numeric;
    create unique index once on notes (body);`;
  await expect(migrate("update notes set rank = 5;", file)).rejects.toMatchObject({
    code: "migration_failed",
    message: expect.stringMatching(/^0003\.sql, line 2, column 5: .*unique/),
  });
  const divides = "update notes set rank = 1 / (2 - (select count(*) from notes n where n.body = 'twice'));";
  await expect(migrate("update notes set rank = 5;", divides)).rejects.toMatchObject({
    code: "migration_failed",
    message: expect.stringContaining(`division by zero (in ${showId("env", places[1].environmentId)})`),
  });
  for (const one of places) {
    const columns =
      "select count(*)::int as count from information_schema.columns where column_name = 'share'";
    expect(await run(one, columns)).toEqual([{ count: 0 }]);
    expect(await run(one, "select distinct rank from notes")).toEqual([{ rank: 5 }]);
  }
  await run(places[1], "delete from notes where body = 'twice'");
  expect(await migrate("update notes set rank = 5;", divides)).toMatchObject({ applied: 1 });
});

test("a table whose own policies are forced upon its owner follows like any other", async () => {
  const { migrate, places } = await begun();
  await migrate(
    `create table diaries (id int primary key, text text);
     alter table diaries enable row level security, force row level security;
     create policy own on diaries using (text = current_setting('app.person', true))`,
    "alter table diaries add column mood text; insert into parts select 1, id from notes",
  );
  expect(await run(places[0], "select * from parts")).toEqual([{ id: 1, note_id: 1 }]);
  expect(await run(places[1], "select mood from diaries")).toEqual([]);
});

test("a login that keeps a table locked keeps others waiting for a while, and is ended then", async () => {
  const limits = { statementTimeoutMs: 10_000, lockTimeoutMs: 300, fileTimeoutMs: 20_000 };
  const { places, migrate, built } = await begun({ limits });
  const login = { roleName: driver.logins.nameOf(newId()), password: newPassword() };
  await driver.logins.place(testContext(), { ...places[0], database: built, login });
  const state = () => Promise.resolve({ open: true });
  await driver.logins.align(testContext(), { server, roleName: login.roleName, state });
  const connectionString = driver.logins.url(server, built, login);
  const client = new pg.Client({ connectionString }).on("error", () => undefined);
  const ended = new Promise((resolve) => client.once("end", resolve));
  await client.connect();
  for (const text of ["set idle_in_transaction_session_timeout = 0", "begin", "select from notes"])
    await client.query(text);
  const adds = () => migrate("alter table notes add column share numeric");
  await expect(adds()).rejects.toMatchObject({ code: "migration_failed" });
  await waitUntil("it goes through", () => adds().then(Boolean, () => false));
  await ended;
});

test("an index that would tell what others have isn't made, whatever becomes of it later", async () => {
  const { places, migrate, built } = await begun();
  await migrate(
    "create index bodies_hashed on notes using hash (body); create index bodies_sorted on notes (body);",
    `comment on index bodies_hashed is 'for later'; alter index bodies_hashed set (fillfactor = 60);
     alter index bodies_hashed rename to bodies_found;`,
    "drop index bodies_found; create index ranks on notes using brin (rank);",
  );
  expect(
    await run(places[0], "select indexname from pg_indexes where indexname ~ '^(bodies|ranks)'"),
  ).toEqual([{ indexname: "bodies_sorted" }]);
  expect(await driver.verify(server, built)).toEqual([]);
});

test("statements about rows see one environment, and can't reach past it nor change what tables are", async () => {
  const { places, migrate, superuserUrl, built } = await begun();
  await run(places[0], "insert into notes (body) values ('of the first')");
  await migrate("update notes set body = (select string_agg(n.body, ', ' order by n.id) from notes n)");
  expect(await run(places[0], "select distinct body from notes")).toEqual([{ body: "first, of the first" }]);
  expect(await run(places[1], "select distinct body from notes")).toEqual([{ body: "first" }]);
  const after = "update notes set body = (select string_agg(n.body, ', ' order by n.id) from notes n)";
  for (const block of [
    "do $$ begin execute 'trun' || 'cate parts'; end $$",
    "do $$ begin if exists (select from notes where body like '%of the first') then execute 'alter table notes disable row level security'; end if; end $$",
  ]) {
    await expect(migrate(after, block)).rejects.toMatchObject({ code: "migration_failed" });
  }
  expect(await driver.verify(server, built)).toEqual([]);
  const [sealed] = await runAt(
    superuserUrl,
    "select bool_and(relrowsecurity and relforcerowsecurity) as sealed from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'",
  );
  expect(sealed).toEqual({ sealed: true });
});

test("a lock that others keep is waited for in moments, and given up in time, with nothing changed", async () => {
  const limits = { statementTimeoutMs: 10_000, lockTimeoutMs: 700, fileTimeoutMs: 20_000 };
  const { places, migrate, superuserUrl } = await begun({ limits });
  const holder = new pg.Client({ connectionString: superuserUrl });
  await holder.connect();
  await holder.query("begin; lock table notes in access share mode");
  const file = "alter table notes add column x int;";
  await expect(migrate(file)).rejects.toMatchObject({
    code: "migration_failed",
    message: expect.stringContaining("a lock couldn't be had within 0.7 s"),
  });
  expect(await run(places[0], "select id from notes")).toEqual([{ id: 1 }]);
  await holder.query("rollback");
  await holder.end();
  expect(await migrate(file)).toMatchObject({ applied: 1 });
});

test("a statement that takes too long in an environment is ended", async () => {
  const limits = { statementTimeoutMs: 2_500, lockTimeoutMs: 5_000, fileTimeoutMs: 20_000 };
  const { places, migrate } = await begun({ limits });
  await run(places[1], "insert into notes (body) values ('slow')");
  const file = "update notes set rank = length(pg_sleep(30)::text) where body = 'slow'";
  await expect(migrate(file)).rejects.toMatchObject({
    code: "migration_failed",
    message: expect.stringContaining("took longer than 2.5 s"),
  });
  expect(await run(places[1], "select rank from notes where body = 'slow'")).toEqual([{ rank: null }]);
});
