import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { urlTo } from "../../../drivers/database/common/url.ts";
import { runAt } from "../../../drivers/database/driver.testsuite.ts";
import {
  insertApp,
  insertEnvironment,
  type TestPlacements,
  testPlacements,
} from "../../../testing/placements.ts";
import type { DatabaseSeed } from "./seed-database.ts";

let house: TestPlacements;
beforeAll(async () => {
  house = await testPlacements();
});
afterAll(() => house.close());

type Level = "database" | "schema" | "shared";
type Place = { environmentId: string; name: string };

const schema = `create table notes (id int generated always as identity primary key, title text unique, stars int check (stars >= 0));
  insert into notes (title, stars) values ('first', 1);`;

async function newPlaces(level: Level): Promise<{ place: Place; neighbour: Place }> {
  const appId = await insertApp(house.db, schema);
  const make = async (): Promise<Place> => {
    const environmentId = await insertEnvironment(house.db, appId);
    const wanted = { environmentId, appId, level, schemaVersion: 1 };
    const { databaseId } = await house.run((context) => house.placements.placeDatabase(context, wanted));
    const { rows } = await runAt<{ name: string }>(
      house.registry.url,
      `select name from tenantry.databases where id = '${databaseId}'`,
    ).then((found) => ({ rows: found }));
    return { environmentId, name: rows[0]!.name };
  };
  return { place: await make(), neighbour: await make() };
}

async function titles({ environmentId, name }: Place, level: Level): Promise<string[]> {
  const [database, namespace] = name.split(".");
  const only = level === "shared" ? `where tenantry_environment = '${environmentId}'` : "";
  const rows = await runAt<{ title: string }>(
    urlTo(house.postgres.url, database!),
    `select title from ${namespace ?? "public"}.notes ${only} order by title`,
  );
  return rows.map(({ title }) => title);
}

const values = { "tenant.name": "O'Hara \"&\" Sons'); drop table notes; --" };

function seedOf(
  { environmentId }: Place,
  files: Record<string, string>,
  rest: Partial<DatabaseSeed> = {},
): DatabaseSeed {
  return {
    environmentId,
    files: Object.entries(files).map(([name, text]) => ({
      name,
      async *read() {
        // In the smallest parts.
        for (const byte of Buffer.from(text)) yield Buffer.of(byte);
      },
    })),
    values,
    before: { transactionId: null, rowsChanged: null },
    onRead: async () => undefined,
    beforeCommit: async () => undefined,
    ...rest,
  };
}

async function seed(place: Place, files: Record<string, string>, rest: Partial<DatabaseSeed> = {}) {
  return house.run((context) => house.placements.seedDatabase(context, seedOf(place, files, rest)));
}

/** What is wrong, in which file, and in which line. */
const mistakes: [what: string, text: string, line: number][] = [
  ["a mistake in a statement", "select 1;\nselect 2;\n\n  insert into nots values (1);", 4],
  [
    "a value that is refused",
    "select 1;\ninsert into notes (title) values ('a');\ninsert into notes (title, stars) values ('b', -1);\nselect 3;",
    3,
  ],
  ["a row that is refused", "copy notes (title, stars) from stdin;\na\t1\nb\t-1\nc\t1\n\\.\n", 3],
  ["a row with too few values", "copy notes (title, stars) from stdin;\na\t1\nb\n\\.\n", 3],
  ["a placeholder that nobody knows", "insert into notes (title) values (\n{{ tenant.colour }});", 2],
  ["a placeholder within quotes", "insert into notes (title) values ('{{ tenant.name }}');", 1],
  ["another form of COPY", "\ncopy notes from stdin;\n\\.\n", 2],
  ["an end of the transaction", "select 1;\ncommit;", 2],
  ["another role", "\nset role postgres;", 2],
  ["a change of the schema", "\nalter table notes add column a int;", 2],
  ["a removal of a table", "\ndrop table notes;", 2],
];

describe.each<Level>(["database", "schema", "shared"])("starter data at the level %s", (level) => {
  test("goes in as it is written, with values that can't become statements", async () => {
    const { place, neighbour } = await newPlaces(level);
    const { rowsChanged } = await seed(place, {
      "1.sql": "insert into notes (title) values ('Welcome to ' || {{ tenant.name }});",
      "2.sql": `copy public.notes (id, title, stars) from stdin;\n900\ttab\\there\t5\n901\tnull\t\\N\n\\.\n
        update notes set stars = 2 where title = 'null'; insert into notes (title) values ('semi;colon');`,
    });
    expect(rowsChanged).toBe(5);
    const all = ["first", "null", "semi;colon", "tab\there", `Welcome to ${values["tenant.name"]}`];
    expect((await titles(place, level)).sort()).toEqual(all.sort());
    expect(await titles(neighbour, level)).toEqual(["first"]);
    expect(await house.placements.scanForLeftovers(house.db)).toEqual([]);
  });

  test("that has a mistake fails with file and line, and nothing stays", async () => {
    const { place } = await newPlaces(level);
    for (const [what, text, line] of mistakes) {
      const failed = seed(place, {
        "good.sql": "insert into notes (title) values ('good')",
        "bad.sql": text,
      });
      await expect(failed, what).rejects.toMatchObject({
        code: "starter_data_failed",
        detail: expect.stringContaining(`bad.sql, line ${line}:`),
      });
      expect(await titles(place, level), what).toEqual(["first"]);
    }
    expect(await house.placements.scanForLeftovers(house.db)).toEqual([]);
  });

  test("goes in as pg_dump --data-only writes it", async () => {
    const { place } = await newPlaces(level);
    const dump = `--\n-- PostgreSQL database dump\n--\n\n\\restrict aBc\n
SET statement_timeout = 0;\nSET row_security = off;\nSET client_encoding = 'UTF8';
SELECT pg_catalog.set_config('search_path', '', false);\n
COPY public.notes (id, title, stars) FROM stdin;\n7\tfrom a dump\t3\n\\.\n\n\\unrestrict aBc\n`;
    expect(await seed(place, { "dump.sql": dump })).toEqual({ rowsChanged: 1 });
    expect(await titles(place, level)).toEqual(["first", "from a dump"]);
  });

  test("goes in once, when the attempt before was committed and nobody heard of it", async () => {
    const { place } = await newPlaces(level);
    const files = { "1.sql": "insert into notes (title) select 'note ' || n from generate_series(1, 3) n" };
    const before: { transactionId: string | null; rowsChanged: number | null } = {
      transactionId: null,
      rowsChanged: null,
    };
    const note = async (done: typeof before) => void Object.assign(before, done);
    await seed(place, files, { beforeCommit: note });
    expect(before.transactionId).not.toBeNull();
    expect(await seed(place, files, { before })).toEqual({ rowsChanged: 3 });
    expect(await titles(place, level)).toHaveLength(4);
  });

  test("goes in after all, when the attempt before was broken off at its commit", async () => {
    const { place } = await newPlaces(level);
    const files = { "1.sql": "insert into notes (title) values ('second')" };
    const before: { transactionId: string | null; rowsChanged: number | null } = {
      transactionId: null,
      rowsChanged: null,
    };
    const broken = seed(place, files, {
      beforeCommit: async (done) => {
        Object.assign(before, before.transactionId === null ? done : {});
        throw Object.assign(new Error("broken off"), { code: "ECONNRESET" });
      },
    });
    await expect(broken).rejects.toMatchObject({ title: expect.any(String) });
    expect(before.transactionId).not.toBeNull();
    await seed(place, files, { before });
    expect(await titles(place, level)).toEqual(["first", "second"]);
  });
});
