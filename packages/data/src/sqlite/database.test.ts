import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createSqliteHandles, openSqlite, type SqliteDatabase, type SqliteHandles } from "./index.ts";

let directory: string;
let handles: SqliteHandles;
let database: SqliteDatabase;

const schema = `
  create table pages (
    id serial primary key,
    slug text not null unique,
    title varchar(20) not null check (title <> ''),
    views bigint not null default 0,
    price numeric(10, 2),
    published boolean not null default false,
    key uuid default gen_random_uuid(),
    data jsonb,
    file bytea,
    day date,
    created_at timestamptz not null default now()
  );
  create table comments (id int primary key, page int not null references pages (id) on delete cascade, body text);
`;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tenantry-sqlite-"));
  handles = createSqliteHandles({ statementTimeoutMs: 2_000, maxProcesses: 2 });
  database = await openSqlite({ file: join(directory, "pages.db"), create: true }, handles);
  await database.migrate(schema);
});

beforeEach(async () => {
  await database.query("delete from comments");
  await database.query("delete from pages");
});

afterAll(async () => {
  await handles?.close();
  await rm(directory, { recursive: true, force: true });
});

const add = (slug: string, title = "Title") =>
  database.query<{ id: number }>("insert into pages (slug, title) values ($1, $2) returning id", [
    slug,
    title,
  ]);

describe("values", () => {
  it("come back as pg gives them", async () => {
    const at = new Date("2026-05-04T03:02:01.123Z");
    const { rows, fields } = await database.query(
      `insert into pages (slug, title, views, price, published, key, data, file, day, created_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
       returning slug, views, price, published, key, data, file, day, created_at`,
      [
        "a",
        "A",
        "9007199254740993",
        "12.5",
        true,
        "A0EEBC999C0B4EF8BB6D6BB9BD380A11",
        { b: [1] },
        Buffer.from([0, 1]),
        "2026-05-04",
        at,
      ],
    );
    expect(rows).toEqual([
      {
        slug: "a",
        views: "9007199254740993",
        price: "12.50",
        published: true,
        key: "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        data: { b: [1] },
        file: Buffer.from([0, 1]),
        day: new Date(2026, 4, 4),
        created_at: at,
      },
    ]);
    expect(fields.map(({ dataTypeID }) => dataTypeID)).toEqual([
      25, 20, 1700, 16, 2950, 3802, 17, 1082, 1184,
    ]);
  });

  it.each([
    ["insert into pages (slug, title, views) values ('a', 'A', $1)", "abc", "22P02"],
    ["insert into pages (slug, title, id) values ('a', 'A', $1)", "99999999999", "22003"],
    ["insert into pages (slug, title, key) values ('a', 'A', $1)", "x", "22P02"],
    ["insert into pages (slug, title) values ('a', $1)", "x".repeat(21), "22001"],
    ["insert into pages (slug, title, day) values ('a', 'A', $1)", "tomorrow-ish", "22007"],
    ["insert into pages (slug, title, data) values ('a', 'A', $1)", "{", "22P02"],
    ["insert into pages (slug, title, price) values ('a', 'A', $1)", "123456789.00", "22003"],
  ])("of the wrong kind are refused: %s", async (text, value, code) => {
    const refused = await database.query(text, [value]).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(pg.DatabaseError);
    expect(refused).toMatchObject({ code });
  });
});

describe("errors", () => {
  it("carry PostgreSQL's code and what it is about", async () => {
    await add("a");
    await expect(add("a")).rejects.toMatchObject({
      code: "23505",
      constraint: "pages_slug_key",
      table: "pages",
    });
    await expect(add("b", "")).rejects.toMatchObject({ code: "23514", constraint: "pages_title_check" });
    await expect(database.query("insert into pages (slug) values ('c')")).rejects.toMatchObject({
      code: "23502",
      column: "title",
      table: "pages",
    });
    await expect(database.query("insert into comments values (1, 12345, '')")).rejects.toMatchObject({
      ...{ code: "23503", table: "comments", constraint: "comments_page_fkey" },
      message: 'insert or update on table "comments" violates foreign key constraint "comments_page_fkey"',
    });
    await expect(database.query("select * from nothing")).rejects.toMatchObject({ code: "42P01" });
    await expect(database.query("select nothing from pages")).rejects.toMatchObject({ code: "42703" });
    await expect(database.query("select 1 / $1::int", [0])).rejects.toMatchObject({ code: "22012" });
    await expect(database.query("select $1::int", [])).rejects.toMatchObject({ code: "08P01" });
    await expect(database.query("select 1; select 2")).rejects.toMatchObject({ code: "42601" });
  });
});

describe("a transaction", () => {
  it("commits everything, or nothing", async () => {
    await database.transaction(async (tx) => {
      await tx.query("insert into pages (slug, title) values ('a', 'A')");
      expect((await database.query("select slug from pages")).rows).toEqual([]);
    });
    await expect(
      database.transaction(async (tx) => {
        await tx.query("delete from pages");
        throw new Error("stop");
      }),
    ).rejects.toThrow("stop");
    expect((await database.query("select slug from pages")).rows).toEqual([{ slug: "a" }]);
  });

  it("is undone by an error that was caught, except behind a savepoint", async () => {
    const failing = database.transaction(async (tx) => {
      await tx.query("insert into pages (slug, title) values ('a', 'A')");
      await tx.query("select 1 / 0").catch(() => undefined);
      await expect(tx.query("select 1")).rejects.toMatchObject({ code: "25P02" });
    });
    await expect(failing).rejects.toMatchObject({ name: "TransactionAborted" });
    await database.transaction(async (tx) => {
      await tx.query("savepoint here");
      await tx.query("select 1 / 0").catch(() => undefined);
      await tx.query("rollback to savepoint here");
      await tx.query("insert into pages (slug, title) values ('b', 'B')");
    });
    expect((await database.query("select slug from pages")).rows).toEqual([{ slug: "b" }]);
  });

  it("writes alone: others wait for it", async () => {
    await add("counter");
    await Promise.all(
      Array.from({ length: 10 }, () =>
        database.transaction(async (tx) => {
          const { rows } = await tx.query<{ views: string }>("select views from pages for update");
          await tx.query("update pages set views = $1", [Number(rows[0]!.views) + 1]);
        }),
      ),
    );
    expect((await database.query("select views from pages")).rows).toEqual([{ views: "10" }]);
  });

  it("that only reads can't write", async () => {
    const write = database.transaction((tx) => tx.query("delete from pages"), { readOnly: true });
    await expect(write).rejects.toMatchObject({ code: "25006" });
  });
});

describe("a statement that takes all", () => {
  const endless = "with recursive c (n) as (select 1 union all select n + 1 from c) select count(*) from c";

  it("of time is ended, and the file goes on", async () => {
    await add("kept");
    await expect(database.query(endless)).rejects.toMatchObject({ code: "57014" });
    expect((await database.query("select slug from pages")).rows).toEqual([{ slug: "kept" }]);
  });

  it("is ended by its signal", async () => {
    const controller = new AbortController();
    const asked = database.query(endless, [], { signal: controller.signal });
    setTimeout(() => controller.abort(new Error("nobody waits")), 20);
    await expect(asked).rejects.toThrow("nobody waits");
    await expect(database.query("select 1 as one")).resolves.toMatchObject({ rows: [{ one: 1 }] });
  });
});

it("rows are streamed in batches", async () => {
  let sum = 0;
  for await (const { n } of database.stream<{ n: number }>(
    "select n from generate_series(1, $1) n",
    [1_003],
    { batchSize: 10 },
  ))
    sum += n;
  expect(sum).toBe(503_506);
});

it("a file with a key holds nothing that can be read without it", async () => {
  const place = {
    file: join(directory, `${randomUUID()}.db`),
    encryptionKey: Buffer.alloc(32, 7).toString("base64"),
  };
  const sealed = await openSqlite({ ...place, create: true }, handles);
  await sealed.migrate("create table secrets (word text not null)");
  await sealed.query("insert into secrets values ('plainly-readable-word')");
  for (const suffix of ["", "-wal"]) {
    const raw = await readFile(place.file + suffix).catch(() => Buffer.alloc(0));
    expect(raw.includes("plainly-readable-word")).toBe(false);
    expect(raw.includes("secrets")).toBe(false);
  }
  for (const encryptionKey of [undefined, Buffer.alloc(32, 8).toString("base64")]) {
    await expect(openSqlite({ file: place.file, encryptionKey }, handles)).rejects.toMatchObject({
      name: "EncryptionKeyRefused",
    });
  }
  expect((await sealed.query("select word from secrets")).rows).toEqual([{ word: "plainly-readable-word" }]);
});

it("a transaction whose file is closed meanwhile fails with its next statement, and nothing of it is kept", async () => {
  const place = { file: join(directory, `${randomUUID()}.db`) };
  const other = await openSqlite({ ...place, create: true }, handles);
  await other.migrate("create table notes (id int primary key)");
  const lost = other.transaction(async (tx) => {
    await tx.query("insert into notes values (1)");
    await handles.closeFile(place);
    await tx.query("insert into notes values (2)");
  });
  await expect(lost).rejects.toMatchObject({ name: "DatabaseUnavailable" });
  expect((await other.query("select id from notes")).rows).toEqual([]);
});

it("a file that isn't there isn't made by asking", async () => {
  await expect(openSqlite({ file: join(directory, "none.db") }, handles)).rejects.toMatchObject({
    name: "DatabaseUnavailable",
  });
});
