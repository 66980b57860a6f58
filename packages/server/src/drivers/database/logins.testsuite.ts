import pg from "pg";
import { describe, expect, test } from "vitest";
import { newId } from "../../kernel/index.ts";
import { testContext } from "../../testing/driver-context.ts";
import { newPassword } from "./common/scram.ts";
import type { AppSchema, BuiltDatabase, Login } from "./driver.ts";
import { notes, type PostgresHarness, refusedToWriters, runAt, schemaOf } from "./harness.testsuite.ts";

type LoginHarness = PostgresHarness & {
  buildOne(schema: AppSchema): Promise<BuiltDatabase>;
  run(built: BuiltDatabase, ...statements: string[]): Promise<Record<string, unknown>[]>;
};

const insert = (body: string): string => `insert into notes (body) values ('${body}')`;

/** What drivers of databases promise of logins for programs that don't use the SDK, at every level. */
export function loginSuite(open: () => LoginHarness): void {
  describe("a login that is given out", () => {
    const context = testContext();

    async function place(built: BuiltDatabase, schema: AppSchema, login = newLogin()): Promise<Login> {
      const { driver, server, environment } = open();
      const environmentId = environment?.idOf(built) ?? newId();
      const where = { server, database: built, appId: schema.appId, environmentId };
      await driver.logins.place(context, { ...where, login });
      return login;
    }

    function newLogin(): Login {
      return { roleName: open().driver.logins.nameOf(newId()), password: newPassword() };
    }

    function align(login: Login, isOpen: boolean, until?: Date): Promise<void> {
      const { driver, server } = open();
      const state = () => Promise.resolve({ open: isOpen, until });
      return driver.logins.align(context, { server, roleName: login.roleName, state });
    }

    const urlOf = (built: BuiltDatabase, login: Login): string =>
      open().driver.logins.url(open().server, built, login);

    async function environmentWithLogin(schema = schemaOf(newId(), notes)) {
      const built = await open().buildOne(schema);
      const login = await place(built, schema);
      await align(login, true);
      return { schema, built, login, url: urlOf(built, login) };
    }

    test("reads and writes what the application does, in the same names", async () => {
      const { built, url } = await environmentWithLogin();
      await open().run(built, insert("of the application"));
      const rows = await runAt(
        url,
        insert("of another program"),
        "update notes set body = body || '!', mood = 'tired' where body like 'of%'",
        "delete from notes where body = 'nothing'",
        "select id, body, note_count()::int as count from notes where mood = 'tired' order by id",
      );
      expect(rows).toEqual([
        { id: 2, body: "of the application!", count: 3 },
        { id: 3, body: "of another program!", count: 3 },
      ]);
      expect(await open().run(built, "select body from notes where id = 3")).toEqual([
        { body: "of another program!" },
      ]);
      const [{ name }] = (await runAt(url, "select 'notes'::regclass::oid::regclass::text as name")) as [
        { name: string },
      ];
      expect(name).toBe("notes");
      const home = open().driver.logins.schemaOf(built);
      expect(await runAt(url, `select count(*)::int as count from "${home}".notes`)).toEqual([{ count: 3 }]);
      expect(await open().driver.verify(open().server, built)).toEqual([]);
    });

    /** What PostgreSQL doesn't drop a role before: any may do that, and a large object may be looked for afterwards. */
    async function leaveTraces(url: string): Promise<string | undefined> {
      await runAt(url, "alter default privileges grant select on tables to public");
      return runAt(url, "select lo_from_bytea(0, 'kept') as number").then(
        ([row]) => String(row!.number),
        (error: pg.DatabaseError) => {
          expect(error.code).toBe("42501");
          return undefined;
        },
      );
    }

    test("sees nothing of a neighbour's, whose login sees nothing of its", async () => {
      const schema = schemaOf(newId(), notes);
      const [first, second] = [await environmentWithLogin(schema), await environmentWithLogin(schema)];
      await runAt(first.url, insert("secret of first"));
      await runAt(second.url, insert("secret of second"));
      const seen = "select body from notes where body like 'secret of%'";
      expect(await runAt(first.url, seen)).toEqual([{ body: "secret of first" }]);
      expect(await runAt(second.url, seen)).toEqual([{ body: "secret of second" }]);
    });

    test("can't change the schema, make roles or databases, or become anyone else", async () => {
      const { built, url, login } = await environmentWithLogin();
      for (const statement of [
        ...refusedToWriters,
        `set role ${built.roleName}`,
        `alter role ${built.roleName} password 'mine'`,
        `alter role ${login.roleName} createdb`,
        `alter role ${login.roleName} connection limit -1`,
        `alter role ${login.roleName} valid until 'infinity'`,
        "select * from tenantry_ledger.migrations",
      ]) {
        const refused = await runAt(url, statement).catch((error: pg.DatabaseError) => error);
        expect({ statement, code: (refused as pg.DatabaseError).code }).toEqual({ statement, code: "42501" });
      }
    });

    test("lets nobody in before it is opened, nor once it is closed, which ends its connections", async () => {
      const schema = schemaOf(newId(), notes);
      const built = await open().buildOne(schema);
      const login = await place(built, schema);
      const url = urlOf(built, login);
      const closed = { code: "28000" };
      await expect(runAt(url, "select 1")).rejects.toMatchObject(closed);
      for (let time = 0; time < 2; time += 1) await align(login, true);
      const inside = new pg.Client({ connectionString: url }).on("error", () => undefined);
      await inside.connect();
      for (let time = 0; time < 2; time += 1) await align(login, false);
      await expect(inside.query("select 1")).rejects.toThrow();
      await expect(runAt(url, "select 1")).rejects.toMatchObject(closed);
      await align(login, true);
      expect(await runAt(url, "select 1 as one")).toEqual([{ one: 1 }]);
      await align(login, true, new Date(Date.now() - 1_000));
      await expect(runAt(url, "select 1")).rejects.toMatchObject({ code: "28P01" });
      await align({ roleName: newLogin().roleName, password: "" }, true);
    });

    test("gets another password when it is placed again, which ends its connections", async () => {
      const { built, schema, login, url } = await environmentWithLogin();
      const inside = new pg.Client({ connectionString: url }).on("error", () => undefined);
      await inside.connect();
      await runAt(url, "alter role current_user set search_path = 'nowhere'");
      const again = await place(built, schema, { ...login, password: newPassword() });
      await align(again, true);
      await expect(inside.query("select 1")).rejects.toThrow();
      await expect(runAt(url, "select 1")).rejects.toMatchObject({ code: "28P01" });
      expect(await runAt(urlOf(built, again), "select count(*)::int from notes")).toEqual([{ count: 1 }]);
    });

    test("is gone when it is removed, however often, and the environment's others stay", async () => {
      const { driver, server, environment } = open();
      const { built, schema, login, url } = await environmentWithLogin();
      const before = await driver.list(server);
      const other = await place(built, schema);
      await align(other, true);
      const object = await leaveTraces(urlOf(built, other));
      const thing = { kind: "role" as const, name: other.roleName };
      expect(await driver.list(server)).toEqual(expect.arrayContaining([...before, thing]));
      for (let time = 0; time < 2; time += 1) await driver.remove(context, { server, thing });
      expect(await driver.list(server)).toEqual(before);
      expect(context.resources().map(({ physicalName }) => physicalName)).not.toContain(other.roleName);
      await expect(runAt(urlOf(built, other), "select 1")).rejects.toMatchObject({ code: "28P01" });
      expect(await runAt(url, "select 1 as one")).toEqual([{ one: 1 }]);
      expect(before).toContainEqual({ kind: "role", name: login.roleName });
      if (object !== undefined) {
        const kept = open().run(built, `select convert_from(lo_get(${object}), 'UTF8') as words`);
        if (environment) await expect(kept).rejects.toMatchObject({ code: "42704" });
        else expect(await kept).toEqual([{ words: "kept" }]);
      }
      expect(await driver.verify(server, built)).toEqual([]);
    });

    test("is ended once where several set about it, and none of them fails", async () => {
      const { driver, server } = open();
      const { login } = await environmentWithLogin();
      const thing = { kind: "role" as const, name: login.roleName };
      const contexts = Array.from({ length: 6 }, () => testContext());
      await Promise.all(contexts.map((one) => driver.remove(one, { server, thing })));
      expect(await driver.list(server)).not.toContainEqual(thing);
    });

    test("goes with its environment, though it is connected", async () => {
      const { driver, server, environment } = open();
      const { built, login, url } = await environmentWithLogin();
      await leaveTraces(url);
      const inside = new pg.Client({ connectionString: url }).on("error", () => undefined);
      await inside.connect();
      const database = { kind: "database" as const, name: built.name };
      for (let time = 0; time < 2; time += 1) {
        if (environment) await environment.close(context, built);
        else await driver.remove(context, { server, thing: database });
      }
      await expect(inside.query("select 1")).rejects.toThrow();
      expect(await driver.list(server)).not.toContainEqual({ kind: "role", name: login.roleName });
      if (environment) await driver.remove(context, { server, thing: database });
      expect((await driver.list(server)).filter(({ name }) => name.endsWith(built.name.slice(-26)))).toEqual(
        [],
      );
      expect(context.resources().map(({ physicalName }) => physicalName)).not.toContain(login.roleName);
    });

    test("that was interrupted while it was made is made, or removed, by whoever comes after", async () => {
      const { driver, server, environment } = open();
      const schema = schemaOf(newId(), notes);
      const built = await open().buildOne(schema);
      const login = newLogin();
      const where = { server, database: built, appId: schema.appId, login };
      const request = { ...where, environmentId: environment?.idOf(built) ?? newId() };
      const remove = () => driver.remove(context, { server, thing: { kind: "role", name: login.roleName } });
      const before = await driver.list(server);
      for (let lostAt = 1; ; lostAt += 1) {
        let calls = 0;
        const lose = () => {
          calls += 1;
          if (calls === lostAt) throw new Error("interrupted");
        };
        const placed = await driver.logins.place(testContext({ before: lose }), request).then(
          () => true,
          (error: Error) => {
            expect(error.message).toBe("interrupted");
            return false;
          },
        );
        if (placed) break;
        if (lostAt % 2) {
          await remove();
          expect(await driver.list(server)).toEqual(before);
        }
      }
      await align(login, true);
      expect(await runAt(urlOf(built, login), "select count(*)::int from notes")).toEqual([{ count: 1 }]);
    });

    test("reaches what later migrations make", async () => {
      const { driver, server } = open();
      const { built, schema, url } = await environmentWithLogin();
      const later = schemaOf(schema.appId, notes, "create table later (id serial primary key, word text);");
      await driver.migrate(context, { server, database: built, schema: later });
      const added = await runAt(url, "insert into later (word) values ('x') returning id, word");
      expect(added).toEqual([{ id: 1, word: "x" }]);
      expect(await driver.verify(server, built)).toEqual([]);
    });
  });
}
