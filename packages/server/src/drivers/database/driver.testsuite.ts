import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../kernel/index.ts";
import { testContext } from "../../testing/driver-context.ts";
import type { AppSchema, BuiltDatabase, DatabaseDriver, DatabaseServer, InLane } from "./driver.ts";
import { type DatabaseDriverHarness, portableNotes, schemaOf } from "./harness.testsuite.ts";

export { notes, type PostgresHarness, runAt, schemaOf } from "./harness.testsuite.ts";

export type SuiteHarness<Harness extends DatabaseDriverHarness> = Harness & {
  buildOne(schema: AppSchema, databaseId?: string): Promise<BuiltDatabase>;
  /** As the environment's application does; answers the last statement's rows. */
  run(built: BuiltDatabase, ...statements: string[]): Promise<Record<string, unknown>[]>;
};

/** What every driver of databases promises, at every level; `more` is what a kind of server promises besides. */
export function databaseDriverSuite<Harness extends DatabaseDriverHarness>(
  title: string,
  open: () => Promise<Harness>,
  more?: (harness: () => SuiteHarness<Harness>) => void,
): void {
  describe(title, () => {
    let harness: Harness;
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

    const run = (built: BuiltDatabase, ...statements: string[]) =>
      harness.environment?.run(built, statements) ?? harness.run(built, statements);

    test("a database comes with what the migrations made, and its rows are read and written", async () => {
      const built = await buildOne(schemaOf(newId(), portableNotes));
      const rows = await run(
        built,
        "insert into notes (body, mood) values ('mine', 'tired')",
        "update notes set body = body || '!'",
        "delete from notes where body = 'nothing'",
        "select body, mood, (select max(body) from fine_notes) as fine from notes order by body",
      );
      expect(rows).toEqual([
        { body: "from the migration!", mood: "fine", fine: "from the migration!" },
        { body: "mine!", mood: "tired", fine: "from the migration!" },
      ]);
    });

    test("what one environment writes, another doesn't see", async () => {
      const schema = schemaOf(newId(), portableNotes);
      const first = await buildOne(schema);
      const second = await buildOne(schema);
      await run(first, "insert into notes (body) values ('secret')");
      expect(await run(second, "select body from notes where body = 'secret'")).toEqual([]);
    });

    test("building again ends in the same place, and keeps what is there", async () => {
      const schema = schemaOf(newId(), portableNotes);
      const databaseId = newId();
      const first = await buildOne(schema, databaseId);
      await run(first, "insert into notes (body) values ('kept')");
      const second = await buildOne(schema, databaseId);
      const secrets = { password: "", sealKey: "" };
      expect({ ...second, ...secrets }).toEqual({ ...first, ...secrets });
      const kept = await run(second, "select body from notes where body = 'kept'");
      expect(kept).toHaveLength(1);
    });

    test("a removed database leaves nothing, however often and though somebody was connected", async () => {
      const schema = schemaOf(newId(), portableNotes);
      await driver.buildBlueprint(testContext(), { server, schema });
      await driver.prepare(testContext(), { server, schema });
      const before = await driver.list(server);
      const context = testContext();
      const built = await driver.build(context, { server, databaseId: newId(), schema });
      const made = (await driver.list(server)).filter(
        ({ name }) => !before.some((known) => known.name === name),
      );
      expect(made).toContainEqual({ kind: "database", name: built.name });
      if (built.roleName) expect(made).toContainEqual({ kind: "role", name: built.roleName });
      await using _somebody = await harness.connect(built);
      for (let time = 0; time < 2; time += 1) {
        await driver.remove(context, { server, thing: { kind: "database", name: built.name } });
        expect(await driver.list(server)).toEqual(before);
        expect(context.resources()).toEqual([]);
      }
    });

    more?.(() => ({ ...harness, buildOne, run }));

    test("verify finds nothing wrong with what build made, measure its size", async () => {
      const built = await buildOne(schemaOf(newId(), portableNotes));
      expect(await driver.verify(server, built)).toEqual([]);
      expect(await driver.measure(server, built)).toBeGreaterThan(10_000);
    });

    test("verify names what is wrong", async () => {
      const built = await buildOne(schemaOf(newId(), portableNotes));
      await driver.remove(testContext(), { server, thing: { kind: "database", name: built.name } });
      const problems = await driver.verify(server, built);
      expect(problems).toContain(`The database ${built.name} isn't there.`);
      if (built.roleName) expect(problems).toContain(`The role ${built.roleName} isn't there.`);
    });

    describe("migrations", () => {
      test("that come later are applied once each, and keep what is there", async () => {
        const appId = newId();
        const built = await buildOne(schemaOf(appId, portableNotes));
        await run(built, "insert into notes (body) values ('old')");
        const later = schemaOf(
          appId,
          portableNotes,
          "alter table notes add column stars int not null default 3;",
        );
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
        const built = await buildOne(schemaOf(appId, portableNotes));
        const before = await driver.list(server);
        const later = schemaOf(
          appId,
          portableNotes,
          "create table half (id int);\n\n  insert into notes (wrong) values (1);\n",
        );
        const context = testContext();
        await expect(
          driver.migrate(context, { server, database: built, schema: later }),
        ).rejects.toMatchObject({ code: "migration_failed", message: harness.noSuchColumn });
        await expect(run(built, "select id from half")).rejects.toThrow("half");
        expect(await driver.list(server)).toEqual(before);
        expect(context.resources()).toEqual([]);
      });

      test("go through many databases in a lane: one that fails keeps nobody, and nothing of the lane stays", async () => {
        const appId = newId();
        const built: BuiltDatabase[] = [];
        for (let number = 0; number < 3; number += 1)
          built.push(await buildOne(schemaOf(appId, portableNotes)));
        await run(built[1]!, "insert into notes (body) values ('just as fine')");
        const before = await driver.list(server);
        const later = schemaOf(
          appId,
          portableNotes,
          "alter table notes add column stars int not null default 3;",
          "create unique index notes_mood on notes (mood);",
        );
        const context = testContext();
        const alone: InLane = (_request, work) =>
          work((database) => driver.migrate(context, { server, schema: later, database }));
        const inLane = driver.inLane ?? alone;
        const applied = await inLane({ context, server, schema: later, lane: "1" }, async (migrate) => {
          const outcomes: unknown[] = [];
          for (const each of [...built, built[0]!])
            outcomes.push(await migrate(each).catch((error: { code: string }) => error.code));
          return outcomes;
        });
        expect(applied).toMatchObject([{ applied: 2 }, "migration_failed", { applied: 2 }, { applied: 0 }]);
        for (const each of built) {
          const rows = await run(each, "select stars from notes limit 1");
          expect(rows).toEqual([{ stars: 3 }]);
          expect(await driver.verify(server, each)).toEqual([]);
        }
        expect(await driver.list(server)).toEqual(before);
        expect(context.resources()).toEqual([]);
      });

      test("that were applied and read differently now are refused", async () => {
        const appId = newId();
        const built = await buildOne(schemaOf(appId, portableNotes));
        const changed = schemaOf(appId, `${portableNotes} -- changed`, "select 1");
        await expect(
          driver.migrate(testContext(), { server, database: built, schema: changed }),
        ).rejects.toMatchObject({ code: "migration_changed" });
      });

      test("that fail in the blueprint leave nothing behind", async () => {
        const before = await driver.list(server);
        const context = testContext();
        const schema = schemaOf(newId(), portableNotes, "create tabel wrong (id int)");
        await expect(driver.buildBlueprint(context, { server, schema })).rejects.toMatchObject({
          code: "migration_failed",
          details: { extra: { file: "0002.sql", line: 1 } },
        });
        expect(await driver.list(server)).toEqual(before);
        expect(context.resources()).toEqual([]);
      });
    });
  });
}
