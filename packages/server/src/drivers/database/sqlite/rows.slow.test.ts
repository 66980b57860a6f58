import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../../kernel/index.ts";
import { embeddedLikeServer } from "../../../testing/database-servers.ts";
import { testContext } from "../../../testing/driver-context.ts";
import { portableQuestions, portableRows } from "../../../testing/portable-rows.ts";
import { contentOf, openStand, portable, type Stand } from "../../../testing/rows-stand.ts";
import { createArchiveWriter, readArchive } from "../common/rows/archive.ts";
import type { AppSchema } from "../driver.ts";
import { schemaOf } from "../harness.testsuite.ts";

const levels = [...portable, "sqlite"] as const;
const key = Buffer.alloc(32, 7).toString("base64");
let stand: Stand;
let schema: AppSchema;
let archive: Buffer[];

beforeAll(async () => {
  stand = await openStand(embeddedLikeServer);
  const text = await readFile(new URL("../../../testing/portable-rows.sql", import.meta.url), "utf8");
  schema = schemaOf(newId(), text);
  const origin = await stand.build("sqlite", schema);
  await play(origin, portableRows);
  archive = await stand.take(origin);
});
afterAll(() => stand.close());

/** Each of them has to work. */
async function play(built: Parameters<Stand["play"]>[0], script: readonly string[]): Promise<void> {
  for (const { statement, answer } of await stand.play(built, script))
    expect({ statement, answer }).toMatchObject({ statement, answer: { rowCount: expect.any(Number) } });
}

/** The same archive with other rows. */
async function withRows(taken: readonly Buffer[], rows: Record<string, string[]>): Promise<Buffer[]> {
  const parts: Buffer[] = [];
  const writer = createArchiveWriter(async (bytes) => void parts.push(Buffer.from(bytes)));
  for await (const piece of readArchive(Readable.from(taken))) {
    if (piece.kind !== "header") continue;
    await writer.header(piece.header);
    for (const { name } of piece.header.tables) {
      const lines = rows[name] ?? [];
      if (lines.length > 0) await writer.rows(Buffer.from(lines.map((line) => `${line}\n`).join("")));
      await writer.endTable(lines.length);
    }
  }
  await writer.end();
  return parts;
}

describe("rows of a file", () => {
  test("are those of every other level with the same statements, in the same words", async () => {
    const content = await contentOf(archive);
    for (const level of portable) {
      const built = await stand.build(level, schema);
      await play(built, portableRows);
      expect({ level, content: await contentOf(await stand.take(built)) }).toEqual({ level, content });
    }
  });

  test("go to every level and back, plain or encrypted, and answer there as they did", async () => {
    const content = await contentOf(archive);
    const origin = await stand.build("sqlite", schema);
    await stand.put(origin, archive);
    const answers = await stand.play(origin, portableQuestions);
    for (const level of [...levels, "encrypted"] as const) {
      const [to, own] = level === "encrypted" ? (["sqlite", key] as const) : ([level, undefined] as const);
      const target = await stand.build(to, schema, own);
      await play(target, ["insert into nobody values (1)"]);
      await stand.put(target, archive);
      const there = await stand.take(target);
      expect({ level, content: await contentOf(there) }).toEqual({ level, content });
      const back = await stand.build("sqlite", schema);
      await stand.put(back, there);
      for (const one of [target, back]) {
        const { level } = one.driver;
        expect({ level, answers: await stand.play(one, portableQuestions) }).toEqual({ level, answers });
        expect(await one.driver.verify(one.place.server, one.database)).toEqual([]);
      }
    }
  });

  test("of an archive that is damaged, or of another schema, leave a file as it was", async () => {
    const cut = Buffer.concat(archive);
    const bad = Buffer.from(cut);
    bad[cut.indexOf("Bob")]! ^= 1;
    const later = schemaOf(schema.appId, schema.migrations[0]!.sql, "alter table nobody add column more int");
    const target = await stand.build("sqlite", schema);
    await play(target, ["insert into people (name) values ('Kept')"]);
    const before = await contentOf(await stand.take(target));
    for (const bytes of [bad, cut.subarray(0, cut.length - 200), cut.subarray(0, 100)])
      await expect(stand.put(target, [bytes])).rejects.toMatchObject({ code: "archive_damaged" });
    const newer = { ...target, place: { ...target.place, schema: later } };
    for (const refused of [() => stand.put(newer, archive), () => stand.take(newer)])
      await expect(refused()).rejects.toMatchObject({ code: "unavailable" });
    const other = await stand.build("sqlite", later);
    await expect(stand.put(other, archive)).rejects.toMatchObject({ code: "archive_mismatch" });
    expect(await contentOf(await stand.take(target))).toEqual(before);
  });

  test("that a file can't hold are told with table and column, and change nothing", async () => {
    const origin = await stand.build("database", schema);
    const target = await stand.build("sqlite", schema);
    for (const [column, value] of [
      ["moment", "'infinity'"],
      ["double", "'NaN'"],
      ["day", "'0001-01-01 BC'"],
      ["words", "array[array['a']]"],
      ["clock", "'24:00'"],
    ]) {
      await play(origin, [
        "delete from everything",
        `insert into everything (id, ${column}) values (1, ${value})`,
      ]);
      await expect(stand.put(target, await stand.take(origin))).rejects.toMatchObject({
        code: "rows_not_portable",
        message: expect.stringContaining(`everything.${column}: a value that the level sqlite can't hold: `),
      });
    }
    expect(await stand.play(target, ["select name from people"])).toMatchObject([
      { answer: { rows: [{ name: "Root" }] } },
    ]);
  });

  test("that point nowhere aren't taken, and it is said whose they are", async () => {
    const loose = schemaOf(
      newId(),
      "create table a (id int primary key); create table b (a_id int references a)",
    );
    const target = await stand.build("sqlite", loose);
    await play(target, ["insert into a values (1)", "insert into b values (1)"]);
    const bare = await withRows(await stand.take(target), { b: ["7"] });
    await expect(stand.put(target, bare)).rejects.toMatchObject({
      code: "archive_mismatch",
      message: expect.stringContaining("a row of b points to one of a that isn't there"),
    });
    expect(await stand.play(target, ["select a_id from b"])).toMatchObject([
      { answer: { rows: [{ a_id: 1 }] } },
    ]);
  });

  test("are taken as of one moment, while their application writes on, and no faster than they are taken in", async () => {
    const source = await stand.build("sqlite", schema);
    await play(source, [
      "insert into people (name) select 'a name of some length ' || n::text from generate_series(1, 50000) n",
    ]);
    const before = await contentOf(await stand.take(source));
    const taken: Buffer[] = [];
    let underway = 0;
    const write = async (bytes: Uint8Array) => {
      underway += 1;
      expect(underway).toBe(1);
      taken.push(Buffer.from(bytes));
      // The header is out, so the moment is chosen.
      if (taken.length === 1)
        await play(source, ["insert into people (name) values ('Late')", "delete from people where id = 1"]);
      underway -= 1;
    };
    await source.driver.exportRows(testContext(), source.place, { write });
    expect(Math.max(...taken.map(({ length }) => length))).toBeLessThan(1024 * 1024);
    expect((await contentOf(taken)).tables).toEqual(before.tables);
  });

  test("whose import is cut off are tried again by another, and then there once; nobody sees them before", async () => {
    const content = await contentOf(archive);
    const target = await stand.build("sqlite", schema);
    const names = async () => (await stand.play(target, ["select name from people order by id"]))[0]!.answer;
    async function* breaking() {
      yield* archive.slice(0, -1);
      expect(await names()).toMatchObject({ rows: [{ name: "Root" }] });
      throw new Error("cut off");
    }
    const context = testContext();
    await expect(target.driver.importRows(context, target.place, breaking())).rejects.toThrow("cut off");
    expect(await names()).toMatchObject({ rows: [{ name: "Root" }] });
    await stand.put(target, archive, context.next());
    expect(await contentOf(await stand.take(target))).toEqual(content);
    expect(await target.driver.verify(target.place.server, target.database)).toEqual([]);
  });

  test("whose import is killed together with its process are as before, and soon put in by another", async () => {
    const content = await contentOf(archive);
    const target = await stand.build("sqlite", schema);
    const before = await contentOf(await stand.take(target));
    const directory = await mkdtemp(path.join(tmpdir(), "tenantry-killed-import-"));
    try {
      const parts = path.join(directory, "archive.json");
      await writeFile(parts, JSON.stringify(archive.map((bytes) => bytes.toString("base64"))));
      const program = fileURLToPath(new URL("../../../testing/stalled-import.ts", import.meta.url));
      // At the beginning, in the middle and before the last piece; each time it holds the file's lock.
      for (const pieces of [1, Math.ceil(archive.length / 2), archive.length - 1]) {
        const given = JSON.stringify([target.place, parts, pieces]);
        const child = spawn(process.execPath, [program, given], { stdio: ["ignore", "pipe", "inherit"] });
        const exited = once(child, "exit");
        await once(createInterface(child.stdout), "line");
        child.kill("SIGKILL");
        await exited;
        expect(await contentOf(await stand.take(target))).toEqual(before);
      }
      await stand.put(target, archive);
      expect(await contentOf(await stand.take(target))).toEqual(content);
      expect(await target.driver.verify(target.place.server, target.database)).toEqual([]);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  test("whose operation was taken over by another aren't put in any more", async () => {
    const target = await stand.build("sqlite", schema);
    const context = testContext();
    async function* last() {
      yield* archive;
      context.lose();
    }
    await expect(target.driver.importRows(context, target.place, last())).rejects.toThrow(
      "The lease was lost.",
    );
    expect(await stand.play(target, ["select count(*)::int as people from people"])).toMatchObject([
      { answer: { rows: [{ people: 1 }] } },
    ]);
  });
});
