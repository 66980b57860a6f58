import { once } from "node:events";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../../kernel/index.ts";
import { embeddedLikeServer, type TestServer } from "../../../testing/database-servers.ts";
import { testContext } from "../../../testing/driver-context.ts";
import { urlAs, urlTo } from "../common/url.ts";
import { notes, runAt, schemaOf } from "../driver.testsuite.ts";
import type { BuiltDatabase, DatabaseServer } from "../driver.ts";
import { openDatabases, protectDatabases } from "../index.ts";
import { createDatabaseDriver } from "./index.ts";

const installationId = newId();
const driver = createDatabaseDriver({ installationId });
const schema = schemaOf(newId(), notes);
let postgres: TestServer;
let server: DatabaseServer;
let own: BuiltDatabase;
let other: BuiltDatabase;

beforeAll(async () => {
  postgres = await embeddedLikeServer();
  server = { id: newId(), url: postgres.url };
  await driver.buildBlueprint(testContext(), { server, schema });
  [own, other] = await Promise.all([
    driver.build(testContext(), { server, databaseId: newId(), schema }),
    driver.build(testContext(), { server, databaseId: newId(), schema }),
  ]);
});
afterAll(() => postgres.stop());

const ownUrl = () => driver.connectionUrl(server, own);

describe("the role of one environment", () => {
  test("can't even connect to another environment's database, nor to a blueprint", async () => {
    await expect(runAt(urlTo(ownUrl(), other.name), "select 1")).rejects.toMatchObject({
      code: "42501",
      message: `permission denied for database "${other.name}"`,
    });
    const blueprint = (await driver.list(server)).find(({ name }) => name.startsWith("tnb_"))!;
    await expect(runAt(urlTo(ownUrl(), blueprint.name), "select 1")).rejects.toMatchObject({ code: "55000" });
  });

  test("can't connect to postgres, template1 or the registry once they are protected", async () => {
    // As a server of ours is at first; runAt sends each statement for itself.
    await runAt(postgres.url, "drop database if exists registry", "create database registry");
    await runAt(postgres.url, "grant connect on database postgres, template1 to public");
    const open = ["postgres", "registry", "template1"];
    expect(await openDatabases(server)).toEqual(expect.arrayContaining(open));
    await protectDatabases(server, "all");
    expect(await openDatabases(server)).toEqual([]);
    for (const name of open) {
      await expect(runAt(urlTo(ownUrl(), name), "select 1")).rejects.toMatchObject({ code: "42501" });
    }
    await protectDatabases(server, "all");
  });

  test("can't become anyone else, or let anyone else in", async () => {
    const attempts = [
      `set role ${other.roleName}`,
      "set role postgres",
      "set session authorization postgres",
      `alter role ${other.roleName} password 'x'`,
      `grant ${own.roleName} to ${other.roleName}`,
      `alter role ${own.roleName} createdb`,
      `alter role ${own.roleName} connection limit -1`,
      `alter database ${own.name} rename to mine`,
      `drop database ${own.name}`,
      `alter database ${own.name} set search_path = x`,
      "copy (select 1) to program 'true'",
      "select pg_read_file('/etc/passwd')",
      "create extension dblink",
      "select pg_terminate_backend(pid) from pg_stat_activity where usename <> current_user",
      "select rolpassword from pg_authid",
    ];
    const [group] = await runAt<{ name: string }>(
      ownUrl(),
      "select rolname as name from pg_roles where rolname like 'tenantry_app_%'",
    );
    attempts.push(`set role ${group!.name}`);
    for (const attempt of attempts) {
      const refused = await runAt(ownUrl(), attempt).then(
        () => "it worked",
        (error: { code: string }) => error.code,
      );
      expect({ attempt, refused }).toEqual({ attempt, refused: "42501" });
    }
  });

  test("giving its rights away in its own database lets nobody in: only its owner may", async () => {
    await runAt(ownUrl(), `grant connect on database ${own.name} to public`);
    expect(await driver.verify(server, own)).toEqual([]);
  });

  test("sees nothing of other environments but opaque names", async () => {
    const rows = await runAt<{ name: string }>(ownUrl(), "select datname as name from pg_database");
    const names = rows.map(({ name }) => name).filter((name) => name.startsWith("tn"));
    expect(names.length).toBeGreaterThan(2);
    for (const name of names) expect(name).toMatch(/^tn_[0-9a-z]{26}$|^tnb_[0-9a-z]{26}_[0-9a-f]{16}$/);
  });

  test("holds no more connections than its limit, and loses them all when it is removed", async () => {
    const limited = createDatabaseDriver({ installationId, connectionLimit: 1 });
    const small = await limited.build(testContext(), { server, databaseId: newId(), schema });
    const url = limited.connectionUrl(server, small);
    const client = new pg.Client({ connectionString: url });
    const broken = once(client, "error");
    client.on("error", () => undefined);
    await client.connect();
    await expect(runAt(url, "select 1")).rejects.toMatchObject({ code: "53300" });
    await limited.remove(testContext(), { server, thing: { kind: "database", name: small.name } });
    expect(await broken).toMatchObject([{ code: "57P01" }]);
  });
});

test("a wrong password is refused", async () => {
  const url = urlAs(server.url, { user: own.roleName!, password: "wrong", database: own.name });
  await expect(runAt(url, "select 1")).rejects.toMatchObject({ code: "28P01" });
});

test("verify sees what an administrator has spoiled", async () => {
  const spoiled = await driver.build(testContext(), { server, databaseId: newId(), schema });
  await runAt(
    postgres.url,
    `grant connect on database ${spoiled.name} to public`,
    `alter role ${spoiled.roleName} createrole connection limit -1`,
    `grant pg_read_all_data to ${spoiled.roleName}`,
  );
  expect(await driver.verify(server, spoiled)).toEqual([
    "PUBLIC may CONNECT on the database.",
    "The role has rights beyond its database: it is a superuser, or may make databases or roles, or replicate, or pass row-level security.",
    "The role has no limit of connections.",
    "The role is a member of pg_read_all_data.",
  ]);
});
