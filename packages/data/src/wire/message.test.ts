import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testCertificate } from "../../../server/src/testing/certificate.ts";
import { type TestPostgres, testPostgres } from "../../../server/src/testing/postgres.ts";
import { type Database, openDatabase } from "../database/index.ts";
import { InvalidArgument } from "../errors.ts";
import { createPools, type Pools } from "../pools/index.ts";

let server: TestPostgres;
let directory: string;
let pools: Pools;
let database: Database;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "tenantry-wire-"));
  const [certificate, key] = [path.join(directory, "ca.pem"), path.join(directory, "key.pem")];
  await writeFile(certificate, testCertificate.certificate);
  await writeFile(key, testCertificate.key, { mode: 0o600 });
  server = await testPostgres({ settings: { ssl: "on", ssl_cert_file: certificate, ssl_key_file: key } });
});
afterAll(async () => {
  await server?.stop();
  await rm(directory, { recursive: true });
});

describe.each([
  ["a plain line", "disable"],
  ["TLS", "no-verify"],
])("over %s", (_line, mode) => {
  beforeAll(async () => {
    const url = `${await server.createDatabase()}?sslmode=${mode}`;
    pools = createPools({ budgets: () => 1, environmentShare: 1 });
    database = openDatabase({
      pools,
      placement: { environmentId: "env", serverId: "srv", url, generation: 1 },
    });
  });
  afterAll(() => pools?.close());

  it("is what it is meant to be", async () => {
    const { rows } = await database.query("select ssl from pg_stat_ssl where pid = pg_backend_pid()");
    expect(rows).toEqual([{ ssl: mode !== "disable" }]);
  });

  describe("a message to the server", () => {
    it("holds values of any length and script, as they were given", async () => {
      const characters = ["a", "\u00e9", "\u20ac", "\u{1f980}"];
      const texts = characters.flatMap((character) =>
        [0, 1, 160, 999, 1_000, 1_001, 40_000].map((count) => character.repeat(count)),
      );
      for (const text of texts) {
        const { rows } = await database.query("select $1::text as text, $2::text as after", [text, "after"]);
        expect(rows).toEqual([{ text, after: "after" }]);
      }
      const list = texts.map((_, at) => `$${at + 1}::text`).join(", ");
      expect((await database.query(`select array[${list}] as texts`, texts)).rows).toEqual([{ texts }]);
    });

    it("holds bytes, nothing, and what pg makes of other values", async () => {
      const bytes = Buffer.from(Array.from({ length: 1_500 }, (_, at) => at % 256));
      const date = new Date("2026-02-03T04:05:06.789Z");
      const { rows } = await database.query(
        "select $1::bytea as bytes, $2::bytea as view, $3::int as none, $4::timestamptz as date, $5::jsonb as document, $6::int[] as list, $7::bool as truth",
        [bytes, new Uint8Array([1, 2]), undefined, date, { a: [1] }, [1, null], true],
      );
      expect(rows).toEqual([
        {
          bytes,
          view: Buffer.from([1, 2]),
          none: null,
          date,
          document: { a: [1] },
          list: [1, null],
          truth: true,
        },
      ]);
    });

    it("holds a statement in any script, under a name too", async () => {
      const text = `select '${"\u20ac".repeat(2_000)}' as "\u{1f980}"`;
      for (let time = 0; time < 3; time += 1) {
        expect((await database.query(text)).rows).toEqual([{ "\u{1f980}": "\u20ac".repeat(2_000) }]);
      }
    });

    it("isn't sent with more values than can be counted, and harms nobody who comes next", async () => {
      const values = Array.from({ length: 65_536 }, () => 1);
      await expect(database.query("select $1", values)).rejects.toThrow(InvalidArgument);
      expect((await database.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    });

    it("asks for rows that nobody sends, and is refused at once", async () => {
      await database.query("drop table if exists copied");
      await database.query("create table copied (id int)");
      await expect(database.query("copy copied from stdin")).rejects.toMatchObject({ code: "57014" });
      expect((await database.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    });
  });

  describe("a row of the answer", () => {
    it("has its columns by name, the last one of those that are called alike", async () => {
      const { rows, fields } = await database.query(`select 1 as a, 2 as a, 3 as "__proto__", null as b`);
      expect(Object.entries(rows[0]!)).toEqual([
        ["a", 2],
        ["__proto__", 3],
        ["b", null],
      ]);
      expect(fields.map(({ name }) => name)).toEqual(["a", "a", "__proto__", "b"]);
    });

    it("is a list of values on demand", async () => {
      const { rows } = await database.query("select 1 as a, 2 as a", [], { form: { rowMode: "array" } });
      expect(rows).toEqual([[1, 2]]);
    });

    it("that a parser can't read fails the statement, and leaves the connection as it was", async () => {
      const types = {
        getTypeParser: () => () => {
          throw new TypeError("unreadable");
        },
      };
      await expect(database.query("select 1", [], { form: { types } })).rejects.toThrow("unreadable");
      expect((await database.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    });

    it.each([
      ["insert into counted values (1), (2)", { command: "INSERT", rowCount: 2 }],
      ["update counted set id = 3", { command: "UPDATE", rowCount: 2 }],
      ["select from counted", { command: "SELECT", rowCount: 2 }],
      ["create table another (id int)", { command: "CREATE", rowCount: 0 }],
      ["-- nothing", { command: null, rowCount: 0 }],
    ])("comes with what was done: %s", async (text, expected) => {
      await database.query("drop table if exists counted, another");
      await database.query("create table counted (id int)");
      if (!text.startsWith("insert")) await database.query("insert into counted values (1), (2)");
      expect(await database.query(text)).toMatchObject(expected);
    });
  });

  describe("a long answer", () => {
    it("has all its rows, also when it ends with an error", async () => {
      const { rows } = await database.query(
        "select n, repeat('\u20ac', n % 3000) as text from generate_series(1, 5000) n",
      );
      expect(rows).toEqual(
        Array.from({ length: 5_000 }, (_, at) => ({ n: at + 1, text: "\u20ac".repeat((at + 1) % 3_000) })),
      );
      for (const last of [1, 900, 4_000]) {
        const failing = database.query(
          `select repeat('x', 100), 1 / (n - ${last}) from generate_series(1, 5000) n`,
        );
        await expect(failing).rejects.toMatchObject({ code: "22012" });
        expect((await database.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
      }
    });

    it("is described anew when a migration has changed what a prepared statement answers", async () => {
      await database.query("drop table if exists described");
      await database.query("create table described (id int)");
      await database.query("insert into described values (1)");
      const all = "select * from described";
      for (let time = 0; time < 3; time += 1) expect((await database.query(all)).rows).toEqual([{ id: 1 }]);
      await database.query("alter table described rename id to number");
      for (let time = 0; time < 3; time += 1)
        expect((await database.query(all)).rows).toEqual([{ number: 1 }]);
    });
  });
});
