import type { Database } from "@tenantry/data";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../../kernel/index.ts";
import { embeddedLikeServer, type TestServer } from "../../../testing/database-servers.ts";
import { levelsOn } from "../../../testing/proofs/levels.ts";
import { schemaOf } from "../harness.testsuite.ts";

const migrations = `
  create sequence numbers;
  create type mood as enum ('fine', 'tired');
  create table notes (id int primary key, body text, mood mood default 'fine');
  create table "Public" (id int primary key);
  create function shout(words text) returns text language plpgsql as $$
    begin return (select upper(words) from public.notes limit 1); end $$;
  create function count_of(wanted text) returns bigint language plpgsql as $$
    declare answer bigint;
    begin execute 'select count(*) from public.' || quote_ident(wanted) into answer; return answer; end $$;
  create function path_of() returns text language sql set search_path to 'public' as $$ select max(body) from notes $$;`;

let postgres: TestServer;
let levels: ReturnType<typeof levelsOn>;
let own: Database;
let neighbour: Database;
let schemaName: string;

beforeAll(async () => {
  postgres = await embeddedLikeServer();
  levels = levelsOn(postgres.url);
  const schema = schemaOf(newId(), migrations);
  own = await (await levels.build("schema", schema)).open();
  neighbour = await (await levels.build("schema", schema)).open();
  const { rows } = await own.query<{ name: string }>("select current_schema() as name");
  schemaName = rows[0]!.name;
  await own.query("insert into public.notes values (1, 'one'), (2, 'two')");
  await neighbour.query("insert into notes values (1, 'the neighbour''s')");
});
afterAll(async () => {
  await levels?.close();
  await postgres?.stop();
});

const rowsOf = async (text: string, values?: unknown[]) => (await own.query(text, values)).rows;

describe("at the level schema, a statement finds what is its environment's", () => {
  test.each<[string, unknown]>([
    ["select public.notes.body from public.notes where public.notes.id = 1", { body: "one" }],
    ["select n.body from only public.notes n join public.notes m using (id) where m.id = 2", { body: "two" }],
    [
      "select 'tired'::public.mood as mood, cast('fine' as \"public\".\"mood\") as other",
      { mood: "tired", other: "fine" },
    ],
    ["select public.shout('a') as words", { words: "A" }],
    ["select public.path_of() as body", { body: "two" }],
    ['select count(*)::int as n from public."Public"', { n: 0 }],
    [
      "select to_regclass('public.notes') is not null as there, nextval('public.numbers')::int > 0 as counted",
      { there: true, counted: true },
    ],
    [
      "select 'public.notes'::regclass::text as name, 'public.notes' as words",
      { name: "notes", words: "public.notes" },
    ],
    ["select public.id from notes as public where public.body = 'two'", { id: 2 }],
    ["with public as (select 5 as id) select public.id from public", { id: 5 }],
  ])("%s", async (text, row) => {
    expect(await rowsOf(text)).toEqual([row]);
  });

  test("in a DO block, too", async () => {
    await own.query("do $$ begin update public.notes set body = 'changed' where id = 2; end $$");
    expect(await rowsOf("select body from notes where id = 2")).toEqual([{ body: "changed" }]);
    await own.query("update notes set body = 'two' where id = 2");
    expect((await neighbour.query("select body from notes")).rows).toEqual([{ body: "the neighbour's" }]);
  });

  test("when it sets the search path to public, for good or for a transaction", async () => {
    await own
      .transaction(async (tx) => {
        await tx.query("set local search_path to public, pg_catalog");
        expect((await tx.query("select body from notes where id = 1")).rows).toEqual([{ body: "one" }]);
        await tx.query("set local search_path to pg_catalog");
        await expect(tx.query("select body from notes")).rejects.toMatchObject({ code: "42P01" });
      })
      .catch((error: Error) => expect(error.name).toBe("TransactionAborted"));
    await own.query('set search_path to "$user", public');
    expect(await rowsOf("select body from notes where id = 1")).toEqual([{ body: "one" }]);
  });

  test("and not what a path of its own leads to: the neighbour's schema stays closed by its name", async () => {
    const { rows } = await neighbour.query<{ name: string }>("select current_schema() as name");
    await own
      .transaction(async (tx) => {
        await tx.query(`set local search_path to ${rows[0]!.name}`);
        await expect(tx.query("select body from notes")).rejects.toMatchObject({ code: "42P01" });
      })
      .catch((error: Error) => expect(error.name).toBe("TransactionAborted"));
    await expect(own.query(`select * from ${rows[0]!.name}.notes`)).rejects.toMatchObject({ code: "42501" });
  });

  test("when a name in it is the one of its own schema", async () => {
    expect(await rowsOf(`select ${schemaName}.body from notes as ${schemaName} where id = 1`)).toEqual([
      { body: "one" },
    ]);
    expect(await rowsOf(`select 1 as "${schemaName}"`)).toEqual([{ [schemaName]: 1 }]);
    expect(await rowsOf(`select body from ${schemaName}.notes where id = 1`)).toEqual([{ body: "one" }]);
  });
});

test("at the level schema, an error speaks of public, as it does elsewhere", async () => {
  await expect(own.query("insert into public.notes values (1, 'again')")).rejects.toMatchObject({
    code: "23505",
    schema: "public",
    table: "notes",
    detail: "Key (id)=(1) already exists.",
  });
});

test("at the level schema, tables and temporary tables aren't made by an application, as elsewhere", async () => {
  for (const text of [
    "create table mine (id int)",
    "create table public.mine (id int)",
    "create temporary table mine (id int)",
  ]) {
    await expect(own.query(text)).rejects.toMatchObject({ code: expect.stringMatching(/^42501$|^3F000$/) });
  }
});

test("at the level schema, a function that puts public together in a string fails, as the check says", async () => {
  await expect(own.query("select count_of('notes')")).rejects.toMatchObject({ code: "42P01" });
});
