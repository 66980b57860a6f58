import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../kernel/index.ts";
import { testContext } from "../../testing/driver-context.ts";
import type { AppSchema, BuiltDatabase, DatabaseDriver, DatabaseServer } from "./driver.ts";
import { type DatabaseDriverHarness, notes, runAt, schemaOf } from "./harness.testsuite.ts";
import { loginSuite } from "./logins.testsuite.ts";

export { type DatabaseDriverHarness, notes, runAt, schemaOf } from "./harness.testsuite.ts";

/** What every driver of databases promises, at every level. */
export function databaseDriverSuite(title: string, open: () => Promise<DatabaseDriverHarness>): void {
  describe(title, () => {
    let harness: DatabaseDriverHarness;
    let driver: DatabaseDriver;
    let server: DatabaseServer;

    beforeAll(async () => {
      harness = await open();
      ({ driver, server } = harness);
    });
    afterAll(() => harness.close());

    async function buildOne(schema: AppSchema, databaseId = newId()): Promise<BuiltDatabase> {
      const context = testContext();
      await driver.buildBlueprint(context, { server, schema });
      await driver.prepare(context, { server, schema });
      const built = await driver.build(context, { server, databaseId, schema });
      expect(driver.nameOf({ appId: schema.appId, databaseId })).toEqual({
        name: built.name,
        roleName: built.roleName,
      });
      await harness.environment?.open(context, built, databaseId, schema);
      expect(context.resources().filter(({ state }) => state !== "present")).toEqual([]);
      return built;
    }

    async function run<Row extends pg.QueryResultRow = pg.QueryResultRow>(
      built: BuiltDatabase,
      ...statements: string[]
    ): Promise<Row[]> {
      if (harness.environment) return (await harness.environment.run(built, statements)) as Row[];
      return runAt<Row>(driver.connectionUrl(server, built), ...statements);
    }

    test("a database comes with what the migrations made, and its role reads and writes rows", async () => {
      const built = await buildOne(schemaOf(newId(), notes));
      const rows = await run(
        built,
        "insert into notes (body, mood) values ('mine', 'tired')",
        "update notes set body = body || '!'",
        "delete from notes where body = 'nothing'",
        "select body, note_count()::int as count, (select count(*)::int from fine_notes) as fine from notes order by id",
      );
      expect(rows).toEqual([
        { body: "from the migration!", count: 2, fine: 1 },
        { body: "mine!", count: 2, fine: 1 },
      ]);
    });

    test("what one environment writes, another doesn't see", async () => {
      const schema = schemaOf(newId(), notes);
      const first = await buildOne(schema);
      const second = await buildOne(schema);
      await run(first, "insert into notes (body) values ('secret')");
      expect(await run(second, "select from notes where body = 'secret'")).toEqual([]);
    });

    test("an environment's role can't change the schema, make roles or databases, or see the ledger", async () => {
      const built = await buildOne(schemaOf(newId(), notes));
      for (const statement of [
        "create table mine (id int)",
        "create schema mine",
        "alter table notes add column mine int",
        "drop table notes",
        "truncate notes",
        "create temporary table mine (id int)",
        "create role mine",
        "create database mine",
        "select * from tenantry_ledger.migrations",
        "insert into tenantry_ledger.migrations values (99, 'mine', '')",
      ]) {
        const refused = await run(built, statement).catch((error: pg.DatabaseError) => error);
        expect({ statement, code: (refused as pg.DatabaseError).code }).toEqual({ statement, code: "42501" });
      }
    });

    test("building again ends in the same place with a new password, and the old one is void", async () => {
      const schema = schemaOf(newId(), notes);
      const databaseId = newId();
      const first = await buildOne(schema, databaseId);
      await run(first, "insert into notes (body) values ('kept')");
      const second = await buildOne(schema, databaseId);
      const secrets = { password: "", sealKey: "" };
      expect({ ...second, ...secrets }).toEqual({ ...first, ...secrets });
      await expect(runAt(driver.connectionUrl(server, first), "select 1")).rejects.toMatchObject({
        code: "28P01",
      });
      const kept = await run(second, "select from notes where body = 'kept'");
      expect(kept).toHaveLength(1);
    });

    test("a removed database leaves nothing, however often and though somebody was connected", async () => {
      const schema = schemaOf(newId(), notes);
      await driver.buildBlueprint(testContext(), { server, schema });
      await driver.prepare(testContext(), { server, schema });
      const before = await driver.list(server);
      const context = testContext();
      const built = await driver.build(context, { server, databaseId: newId(), schema });
      const made = (await driver.list(server)).filter(
        ({ name }) => !before.some((known) => known.name === name),
      );
      expect(made).toContainEqual({ kind: "database", name: built.name });
      expect(made).toContainEqual({ kind: "role", name: built.roleName });
      const client = new pg.Client({ connectionString: driver.connectionUrl(server, built) });
      client.on("error", () => undefined);
      await client.connect();
      for (let time = 0; time < 2; time += 1) {
        await driver.remove(context, { server, thing: { kind: "database", name: built.name } });
        expect(await driver.list(server)).toEqual(before);
        expect(context.resources()).toEqual([]);
      }
      await client.end();
    });

    describe("a role that changed what it logs in with", () => {
      const change = (url: string, statement: string) => runAt(url, `alter role current_user ${statement}`);
      const pidOf = (client: pg.Client) => client.query("select pg_backend_pid() as pid");

      test.each([
        ["another password", "password 'other'", "28P01"],
        ["none at all", "password null", "28P01"],
        ["a library to load that isn't there", "set local_preload_libraries = 'nowhere'", "58P01"],
      ])("logs in with its own again once it is repaired: %s", async (_what, statement, code) => {
        const built = await buildOne(schemaOf(newId(), notes));
        const neighbour = await buildOne(schemaOf(newId(), notes));
        const url = driver.connectionUrl(server, built);
        const [beside, inside] = [driver.connectionUrl(server, neighbour), url].map((connectionString) =>
          new pg.Client({ connectionString }).on("error", () => undefined),
        ) as [pg.Client, pg.Client];
        await Promise.all([beside.connect(), inside.connect()]);
        await change(url, statement);
        await expect(runAt(url, "select 1")).rejects.toMatchObject({ code });

        const request = { server, database: built };
        expect(await driver.repairLogin(testContext(), request)).toBe(true);
        expect(await runAt(url, "select 1 as one")).toEqual([{ one: 1 }]);
        await expect(pidOf(inside)).rejects.toThrow();
        expect((await pidOf(beside)).rowCount).toBe(1);
        await Promise.all([beside.end(), inside.end().catch(() => undefined)]);
        for (const one of [built, neighbour]) expect(await driver.verify(server, one)).toEqual([]);
        expect(await driver.repairLogin(testContext(), request)).toBe(false);
      });

      test("is repaired by those who come after one who was interrupted, and once by many at a time", async () => {
        const built = await buildOne(schemaOf(newId(), notes));
        const url = driver.connectionUrl(server, built);
        await change(url, "password 'other'");
        const request = { server, database: built };
        for (const lostAt of [2, 3]) {
          let proofs = 0;
          const before = (call: string) => {
            proofs += call === "assertLease" ? 1 : 0;
            if (proofs === lostAt) throw new Error("interrupted");
          };
          await expect(driver.repairLogin(testContext({ before }), request)).rejects.toThrow("interrupted");
        }
        const repairs = await Promise.all([1, 2, 3].map(() => driver.repairLogin(testContext(), request)));
        expect(repairs.filter((repaired) => repaired)).toHaveLength(1);
        expect(await runAt(url, "select 1 as one")).toEqual([{ one: 1 }]);
      });

      test("stays as it is while its password is right: its connections go on", async () => {
        const built = await buildOne(schemaOf(newId(), notes));
        const client = new pg.Client({ connectionString: driver.connectionUrl(server, built) });
        await client.connect();
        expect(await driver.repairLogin(testContext(), { server, database: built })).toBe(false);
        expect((await pidOf(client)).rowCount).toBe(1);
        await client.end();
      });
    });

    loginSuite(() => ({ ...harness, buildOne, run }));

    test("verify finds nothing wrong with what build made, measure its size", async () => {
      const built = await buildOne(schemaOf(newId(), notes));
      expect(await driver.verify(server, built)).toEqual([]);
      expect(await driver.measure(server, built)).toBeGreaterThan(10_000);
    });

    test("verify names what is wrong", async () => {
      const built = await buildOne(schemaOf(newId(), notes));
      await driver.remove(testContext(), { server, thing: { kind: "database", name: built.name } });
      const problems = await driver.verify(server, built);
      expect(problems).toContain(`The database ${built.name} isn't there.`);
      expect(problems).toContain(`The role ${built.roleName} isn't there.`);
    });

    describe("migrations", () => {
      test("that come later are applied once each, by the app's owner, and keep what is there", async () => {
        const appId = newId();
        const built = await buildOne(schemaOf(appId, notes));
        await run(built, "insert into notes (body) values ('old')");
        const later = schemaOf(appId, notes, "alter table notes add column stars int not null default 3;");
        const context = testContext();
        const request = { server, database: built, schema: later };
        expect(await driver.migrate(context, request)).toEqual({ applied: 1, schemaVersion: 2 });
        expect(await driver.migrate(context, request)).toEqual({ applied: 0, schemaVersion: 2 });
        expect(await run(built, "select stars from notes where body = 'old'")).toEqual([{ stars: 3 }]);
        expect(context.resources()).toEqual([]);
        expect(await driver.verify(server, built)).toEqual([]);
      });

      test("that fail say where, and leave the database as it was", async () => {
        const appId = newId();
        const built = await buildOne(schemaOf(appId, notes));
        const before = await driver.list(server);
        const later = schemaOf(appId, notes, "create table half (id int);\n\n  select wrong from notes;\n");
        const context = testContext();
        await expect(
          driver.migrate(context, { server, database: built, schema: later }),
        ).rejects.toMatchObject({
          code: "migration_failed",
          message: '0002.sql, line 3, column 10: column "wrong" does not exist.',
        });
        expect(await run(built, "select to_regclass('half') as half")).toEqual([{ half: null }]);
        expect(await driver.list(server)).toEqual(before);
        expect(context.resources()).toEqual([]);
      });

      test("that were applied and read differently now are refused", async () => {
        const appId = newId();
        const built = await buildOne(schemaOf(appId, notes));
        const changed = schemaOf(appId, `${notes} -- changed`, "select 1");
        await expect(
          driver.migrate(testContext(), { server, database: built, schema: changed }),
        ).rejects.toMatchObject({ code: "migration_changed" });
      });

      test("that fail in the blueprint leave neither database nor role nor resource behind", async () => {
        const before = await driver.list(server);
        const context = testContext();
        const schema = schemaOf(newId(), notes, "create tabel wrong (id int)");
        await expect(driver.buildBlueprint(context, { server, schema })).rejects.toMatchObject({
          code: "migration_failed",
          details: { extra: { file: "0002.sql", line: 1, column: 8 } },
        });
        expect(await driver.list(server)).toEqual(before);
        expect(context.resources()).toEqual([]);
      });
    });
  });
}
