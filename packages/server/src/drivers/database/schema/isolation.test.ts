import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../../kernel/index.ts";
import { embeddedLikeServer, type TestServer } from "../../../testing/database-servers.ts";
import { testContext } from "../../../testing/driver-context.ts";
import { partsOfPlace, rolesOfSchema } from "../common/names.ts";
import { urlTo } from "../common/url.ts";
import { notes, runAt, schemaOf } from "../driver.testsuite.ts";
import type { BuiltDatabase, DatabaseServer } from "../driver.ts";
import { createSchemaDriver } from "./index.ts";

const driver = createSchemaDriver({ installationId: newId() });
const migrations = `${notes}
  create function run_as_owner(statement text) returns text language plpgsql security definer as $$
  declare answer text;
  begin
    execute statement into answer;
    return answer;
  end $$;`;
const schema = schemaOf(newId(), migrations);
let postgres: TestServer;
let server: DatabaseServer;
let own: BuiltDatabase;
let other: BuiltDatabase;
let foreign: string;

beforeAll(async () => {
  postgres = await embeddedLikeServer();
  server = { id: newId(), url: postgres.url };
  own = await build(schema);
  other = await build(schema);
  foreign = partsOfPlace(other.name).schema;
});
afterAll(() => postgres.stop());

async function build(wanted: typeof schema): Promise<BuiltDatabase> {
  await driver.buildBlueprint(testContext(), { server, schema: wanted });
  await driver.prepare(testContext(), { server, schema: wanted });
  return driver.build(testContext(), { server, databaseId: newId(), schema: wanted });
}

const ownUrl = () => driver.connectionUrl(server, own);

async function codeOf(...statements: string[]): Promise<string> {
  const result = await runAt(ownUrl(), ...statements).catch((error: pg.DatabaseError) => error);
  return (result as pg.DatabaseError).code ?? "allowed";
}

describe("the role of one environment can't reach a neighbour's schema", () => {
  test.each<[string, () => string[]]>([
    ["by its name", () => [`select * from ${foreign}.notes`]],
    ["by writing", () => [`insert into ${foreign}.notes (body) values ('mine')`]],
    ["by its functions", () => [`select ${foreign}.note_count()`]],
    ["by its view", () => [`select * from ${foreign}.fine_notes`]],
    ["by a cast to its type", () => [`select 'fine'::${foreign}.mood`]],
    [
      "by its sequence's number",
      () => [
        `select nextval((select oid from pg_class where relname = 'notes_id_seq'
         and relnamespace = (select oid from pg_namespace where nspname = '${foreign}'))::regclass)`,
      ],
    ],
    [
      "by a function of the application that runs what it is given",
      () => [`select run_as_owner('select count(*) from ${foreign}.notes')`],
    ],
    [
      "by such a function that becomes another role",
      () => [`select run_as_owner('select set_config(''role'', ''${other.roleName}'', false)')`],
    ],
    ["by becoming its role", () => [`set role ${other.roleName}`]],
    ["by becoming its owner", () => [`set role ${rolesOfSchema(foreign).owner}`]],
    ["by giving itself rights", () => [`grant usage on schema ${foreign} to ${own.roleName}`]],
    ["by a foreign key", () => [`create table mine (id int references ${foreign}.notes)`]],
    ["by locking its table", () => [`begin`, `lock table ${foreign}.notes`]],
    ["by the forms and ledgers", () => ["select * from tenantry_ledger.forms"]],
  ])("%s", async (_how, statements) => {
    expect(await codeOf(...statements())).toBe("42501");
  });

  test("by a search path: it finds nothing there", async () => {
    expect(await codeOf(`set search_path to ${foreign}`, "select * from notes")).toBe("42P01");
  });
});

test("an environment's role gets into no other database", async () => {
  const elsewhere = await build(schemaOf(newId(), notes));
  const { container } = partsOfPlace(elsewhere.name);
  await expect(runAt(urlTo(ownUrl(), container), "select 1")).rejects.toMatchObject({ code: "42501" });
});

test("what a level of one schema can't hold is refused before anything is built, by name and with a remedy", async () => {
  const wanted = schemaOf(newId(), "create schema shop; create table shop.items (id int);");
  await driver.buildBlueprint(testContext(), { server, schema: wanted });
  await expect(driver.prepare(testContext(), { server, schema: wanted })).rejects.toMatchObject({
    code: "isolation_unavailable",
    message: expect.stringContaining("schema shop: An environment has one schema at this level"),
  });
});

test("a migration that makes a second schema is refused and leaves nothing", async () => {
  const database = await build(schema);
  const later = schemaOf(schema.appId, migrations, "\ncreate schema shop; create table shop.items (id int);");
  await expect(driver.migrate(testContext(), { server, database, schema: later })).rejects.toMatchObject({
    code: "migration_failed",
    message: expect.stringContaining("0002.sql, line 2, column 1: it makes the schema shop"),
  });
  expect(await driver.verify(server, database)).toEqual([]);
});

test("migrations say public and mean the environment's schema, and neighbours are left alone", async () => {
  const database = await build(schema);
  const later = schemaOf(
    schema.appId,
    migrations,
    `create table public.stars (note_id int references public.notes, stars int default 1);
     insert into public.stars (note_id) select id from notes;
     create function public.count_stars() returns bigint language sql security definer set search_path = public
       as 'select count(*) from public.stars';
     alter table public.notes rename column body to words;`,
    "-- tenantry: no-transaction\ncreate index concurrently stars_note on stars (note_id);",
  );
  const { applied } = await driver.migrate(testContext(), { server, database, schema: later });
  expect(applied).toBe(2);
  const url = driver.connectionUrl(server, database);
  expect(await runAt(url, "select count_stars(), (select words from notes) as words")).toEqual([
    { count_stars: "1", words: "from the migration" },
  ]);
  expect(await runAt(ownUrl(), "select to_regclass('stars') as stars")).toEqual([{ stars: null }]);
  expect(await driver.verify(server, database)).toEqual([]);
});

describe("a lane through many schemas", () => {
  const inLane = (later: typeof schema, ...databases: BuiltDatabase[]) =>
    driver.inLane!({ context: testContext(), server, schema: later, lane: "1" }, async (migrate) => {
      for (const database of databases) await migrate(database);
    });

  test("reaches the one whose turn it is, and none before or after it, whatever a file does", async () => {
    const databases = [await build(schema), await build(schema), await build(schema)];
    const later = schemaOf(
      schema.appId,
      migrations,
      `create table reach as select string_agg(rolname, ' ') as owners from pg_roles
         where rolname like 'tno\\_%' and pg_has_role(session_user, oid, 'member');
       do $$ begin execute 'se' || 't role none'; perform lo_create(0); end $$;`,
    );
    await inLane(later, ...databases);
    for (const database of databases) {
      const { owner } = rolesOfSchema(partsOfPlace(database.name).schema);
      const rows = await runAt(driver.connectionUrl(server, database), "select owners from reach");
      expect(rows).toEqual([{ owners: owner }]);
      expect(await driver.verify(server, database)).toEqual([]);
      const [own] = await runAt<{ count: number }>(
        urlTo(server.url, partsOfPlace(database.name).container),
        `select count(*)::int from pg_largeobject_metadata where lomowner = '${owner}'::regrole`,
      );
      expect(own!.count).toBe(1);
    }
  });

  test("waits for nobody with files to which it is the same what the schema is called", async () => {
    const database = await build(schema);
    const { container } = partsOfPlace(database.name);
    const later = schemaOf(
      schema.appId,
      migrations,
      "-- public is everywhere\ncreate table public.stars (note_id int references public.notes); insert into stars select id from public.notes;",
    );
    const holder = new pg.Client({ connectionString: server.url });
    await holder.connect();
    try {
      await holder.query("select pg_advisory_lock(hashtextextended($1, 7237))", [container]);
      await inLane(later, database);
    } finally {
      await holder.end();
    }
    const rows = await runAt(driver.connectionUrl(server, database), "select note_id from stars");
    expect(rows).toHaveLength(1);
    expect(await driver.verify(server, database)).toEqual([]);
  });
});
