import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../../kernel/index.ts";
import { embeddedLikeServer, type TestServer } from "../../../testing/database-servers.ts";
import { testContext } from "../../../testing/driver-context.ts";
import { runAt, schemaOf } from "../driver.testsuite.ts";
import type { DatabaseServer } from "../driver.ts";
import { createDatabaseDriver } from "./index.ts";

const limits = { statementTimeoutMs: 300, lockTimeoutMs: 100, fileTimeoutMs: 1_500 };
const installationId = newId();
const driver = createDatabaseDriver({ installationId });
let postgres: TestServer;
let server: DatabaseServer;

beforeAll(async () => {
  postgres = await embeddedLikeServer();
  server = { id: newId(), url: postgres.url };
});
afterAll(() => postgres.stop());

async function buildFrom(...files: string[]) {
  const schema = schemaOf(newId(), ...files);
  const context = testContext();
  await driver.buildBlueprint(context, { server, schema });
  const database = await driver.build(context, { server, databaseId: newId(), schema });
  return { schema, database, url: driver.connectionUrl(server, database) };
}

describe("a migration can't", () => {
  test.each([
    ["make roles", "create role mine"],
    ["change the server", "alter system set work_mem = '1GB'"],
    ["run programs", "create table t (a text); copy t from program 'id'"],
    ["read the server's files", "create table t (a text); copy t from '/etc/passwd'"],
    ["install what isn't trusted", "create extension dblink"],
    ["become a superuser", "set session authorization postgres; create role mine"],
    ["become one by giving up its role", "reset role; create role mine"],
    ["become one in a block", "do $$ begin set role none; create role mine; end $$"],
    [
      "give its database away",
      "set role none; do $$ begin execute 'alter database ' || current_database() || ' rename to x'; end $$",
    ],
    ["write functions in C", "create function f() returns int language c as '/lib/x', 'x'"],
    ["touch the ledger", "delete from tenantry_ledger.migrations"],
    [
      "end other sessions",
      "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'postgres'",
    ],
  ])("%s, and leaves nothing on the server", async (_what, sql) => {
    const before = await driver.list(server);
    const context = testContext();
    const trial = driver.buildBlueprint(context, { server, schema: schemaOf(newId(), sql) });
    await expect(trial).rejects.toMatchObject({ code: "migration_failed" });
    expect(context.resources()).toEqual([]);
    expect(await driver.list(server)).toEqual(before);
    expect(await runAt(postgres.url, "select from pg_roles where rolname = 'mine'")).toEqual([]);
  });
});

describe("a migration can", () => {
  test("install trusted extensions, make schemas, and grant as on a server of its own", async () => {
    const { url } = await buildFrom(`
      create extension citext;
      create extension pgcrypto;
      create schema shop;
      create table shop.items (id uuid primary key default gen_random_uuid(), name citext unique);
      comment on schema public is 'the usual one';
      revoke all on schema shop from public;
      create procedure shop.add(text) language sql as 'insert into shop.items (name) values ($1)';`);
    expect(
      await runAt(url, "call shop.add('Tea')", "select name from shop.items where name = 'TEA'"),
    ).toEqual([{ name: "Tea" }]);
  });

  test("be a dump that switches off everything it finds", async () => {
    const { url } = await buildFrom(
      `SET statement_timeout = 0; SET lock_timeout = 0; SET row_security = off;
       SELECT pg_catalog.set_config('search_path', '', false);
       CREATE TABLE public.a (id int);`,
      "create table b (id int);",
    );
    expect(await runAt(url, "select * from a, b")).toEqual([]);
  });

  test("run without a transaction when it says so", async () => {
    const { url } = await buildFrom(
      "create table a (id int);",
      "-- tenantry: no-transaction\ncreate index concurrently a_id on a (id);\nvacuum a;",
    );
    expect(
      await runAt(url, "select indisvalid as valid from pg_index where indexrelid = 'a_id'::regclass"),
    ).toEqual([{ valid: true }]);
  });
});

describe("a migration that fails says where, and nothing after that place runs", () => {
  test.each([
    ["a mistake of grammar", "select 'Ü 🌷';\n\n  selec 2;\nselect 3;", "line 3, column 3: syntax error"],
    ["a name that isn't there", "select 'Ü 🌷';\nselect 1, wrong;", 'line 2, column 11: column "wrong"'],
    [
      "a row that doesn't fit",
      "create table a (id int primary key);\n insert into a values (1);\ninsert into a values (1);",
      "line 3, column 1: duplicate key",
    ],
    [
      "a mistake that the next statement would forgive",
      "savepoint before;\nselect 1 / 0;\nrollback to before;",
      "line 2, column 1: division by zero",
    ],
    [
      "what is found at the end",
      "create table a (id int primary key, b int references a deferrable initially deferred);\ninsert into a values (1, 2);",
      "line 2, column 1: insert or update",
    ],
  ])("%s", async (_what, sql, place) => {
    const trial = driver.buildBlueprint(testContext(), { server, schema: schemaOf(newId(), sql) });
    await expect(trial).rejects.toMatchObject({
      code: "migration_failed",
      message: expect.stringContaining(`0001.sql, ${place}`),
    });
  });
});

describe("a migration that hangs is ended and says so", () => {
  const impatient = createDatabaseDriver({ installationId, limits });

  test.each([
    ["a statement", "select pg_sleep(60)", "the statement took longer than 0.3 s and was ended"],
    [
      "a file",
      "set statement_timeout = 0;\nselect pg_sleep(60)",
      "the file took longer than 1.5 s and was ended",
    ],
  ])("%s", async (_what, sql, reason) => {
    const context = testContext();
    await expect(
      impatient.buildBlueprint(context, { server, schema: schemaOf(newId(), sql) }),
    ).rejects.toMatchObject({ code: "migration_failed", message: expect.stringContaining(reason) });
    expect(context.resources()).toEqual([]);
  });

  test("a lock", async () => {
    const { schema, database, url } = await buildFrom("create table a (id int);");
    const held = runAt(url, "begin", "lock table a in access share mode", "select pg_sleep(30)").catch(
      () => "ended",
    );
    await expect
      .poll(() => runAt(url, "select from pg_locks where relation = 'a'::regclass"))
      .toHaveLength(1);
    const later = schemaOf(schema.appId, "create table a (id int);", "alter table a add column b int");
    await expect(impatient.migrate(testContext(), { server, database, schema: later })).rejects.toMatchObject(
      { message: expect.stringContaining("a lock couldn't be had within 0.1 s") },
    );
    await driver.remove(testContext(), { server, thing: { kind: "database", name: database.name } });
    expect(await held).toBe("ended");
  });
});

test("a file without a transaction that fails half-way is begun again, may be mended, and isn't done while an index is invalid", async () => {
  const { schema, database, url } = await buildFrom("create table notes (body text);");
  await runAt(url, "insert into notes values ('twice'), ('twice')");
  const migrate = (...lines: string[]) => {
    const file = ["-- tenantry: no-transaction", ...lines].join("\n");
    const later = schemaOf(schema.appId, "create table notes (body text);", file);
    return driver.migrate(testContext(), { server, database, schema: later });
  };
  const unique = "create unique index concurrently";
  await expect(
    migrate("create table made (id int);", `${unique} once on notes (body);`),
  ).rejects.toMatchObject({
    code: "migration_failed",
    message: expect.stringContaining("0002.sql, line 3, column 1: could not create unique index"),
  });
  await runAt(url, "delete from notes where ctid = '(0,1)'");
  const again = [
    "create table if not exists made (id int);",
    `${unique} if not exists once on notes (body);`,
  ];
  await expect(migrate(...again)).rejects.toMatchObject({
    code: "migration_failed",
    message: expect.stringContaining("0002.sql, line 3, column 1: the index once stands from an attempt"),
  });
  const dropped = "drop index concurrently if exists once;";
  expect(await migrate(again[0]!, dropped, again[1]!)).toMatchObject({ applied: 1 });
  expect(await migrate(again[0]!, dropped, again[1]!)).toMatchObject({ applied: 0 });
  await expect(migrate(again[0]!)).rejects.toMatchObject({ code: "migration_changed" });
  await expect(runAt(url, "insert into notes values ('twice')")).rejects.toMatchObject({ code: "23505" });
});

test("eight that build one blueprint at the same time get the same one, built once", async () => {
  const schema = schemaOf(newId(), "create table a (id int); select pg_sleep(0.2);");
  const contexts = Array.from({ length: 8 }, () => testContext());
  const names = await Promise.all(
    contexts.map((context) => driver.buildBlueprint(context, { server, schema })),
  );
  expect(new Set(names).size).toBe(1);
  const standing = (await driver.list(server)).filter(({ name }) => name === names[0]);
  expect(standing).toHaveLength(1);
  const declared = contexts.flatMap((context) => context.resources());
  expect(declared.every(({ state }) => state === "present")).toBe(true);
});
