import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  createSqliteHandles,
  openSqlite,
  type SqliteDatabase,
  type SqliteHandles,
  translateMigration,
} from "./index.ts";

let directory: string;
let handles: SqliteHandles;
let database: SqliteDatabase;
let count = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tenantry-sqlite-migrations-"));
  handles = createSqliteHandles({ maxProcesses: 1 });
});
beforeEach(async () => {
  count += 1;
  database = await openSqlite({ file: join(directory, `${count}.db`), create: true }, handles);
  await database.migrate(`
    create type mood as enum ('low', 'high');
    create table authors (id serial primary key, name text not null);
    create table books (
      id serial primary key,
      author_id int not null references authors on delete cascade,
      title text not null,
      pages int default 1 check (pages > 0),
      mood mood not null default 'low'
    );
    create index books_by_title on books (lower(title)) where pages > 1;
    insert into authors (name) values ('Ada'), ('Bob');
    insert into books (author_id, title, pages) values (1, 'One', 10), (2, 'Two', 20);
    delete from books where title = 'Two';
  `);
});
afterAll(async () => {
  await handles?.close();
  await rm(directory, { recursive: true, force: true });
});

const rows = async (text: string) => (await database.query(text)).rows;

describe("a later migration", () => {
  it("changes columns, and keeps rows, keys, indexes and counters", async () => {
    await database.migrate(`
      alter table books add column isbn text unique, add column added timestamptz not null default now();
      alter table books alter column pages type bigint, alter column pages set not null;
      alter table books alter column pages drop default;
      alter table books rename column title to name;
      alter table books add constraint name_is_there check (name <> '');
      alter table authors add column email text;
      update authors set email = lower(name) || '@example.com';
    `);
    expect(await rows("select id, author_id, name, pages, mood, isbn from books")).toEqual([
      { id: 1, author_id: 1, name: "One", pages: "10", mood: "low", isbn: null },
    ]);
    expect(await rows("select email from authors order by id")).toEqual([
      { email: "ada@example.com" },
      { email: "bob@example.com" },
    ]);
    await expect(
      database.query("insert into books (author_id, name, pages) values (1, '', 1)"),
    ).rejects.toMatchObject({ code: "23514", constraint: "name_is_there" });
    await expect(database.query("insert into books (author_id, name) values (1, 'x')")).rejects.toMatchObject(
      { code: "23502", column: "pages" },
    );
    await expect(
      database.query("insert into books (author_id, name, pages) values (9, 'x', 1)"),
    ).rejects.toMatchObject({ code: "23503" });
    await expect(database.query("select title from books")).rejects.toMatchObject({ code: "42703" });
    // The number of the row that was deleted isn't given again.
    expect(
      (await database.query("insert into books (author_id, name, pages) values (1, 'Three', 3) returning id"))
        .rows,
    ).toEqual([{ id: 3 }]);
    await database.query("delete from authors where name = 'Ada'");
    expect(await rows("select * from books")).toEqual([]);
  });

  it("renames and drops tables, columns and constraints, and what refers to them follows", async () => {
    await database.migrate(`
      alter table authors rename to writers;
      alter table writers rename column id to number;
      alter table books drop constraint books_pages_check;
      alter table books drop column mood;
      alter type mood add value 'middle' before 'high';
      create table prices (mood mood primary key, price numeric(6, 2) not null);
      create view titles as select b.title, w.name from books b join writers w on w.number = b.author_id;
    `);
    await database.query("insert into prices values ('high', 2), ('middle', 1.5), ('low', 1)");
    expect(await rows("select mood, price from prices order by mood")).toEqual([
      { mood: "low", price: "1.00" },
      { mood: "middle", price: "1.50" },
      { mood: "high", price: "2.00" },
    ]);
    expect(await rows("select * from titles")).toEqual([{ title: "One", name: "Ada" }]);
    await database.query("insert into books (author_id, title, pages) values (2, 'x', -1)");
    await expect(
      database.query("insert into books (author_id, title) values (7, 'x')"),
    ).rejects.toMatchObject({ code: "23503" });
    await database.migrate(
      "drop view titles; drop table books; drop table writers; drop type mood cascade;".replace(
        " drop type mood cascade;",
        "",
      ),
    );
    expect(await rows("select count(*)::int as n from prices")).toEqual([{ n: 3 }]);
  });

  it("is done whole or not at all", async () => {
    const broken = database.migrate(
      "alter table books add column x int; insert into books (author_id, title) values (99, 'no author');",
    );
    await expect(broken).rejects.toMatchObject({ code: "23503" });
    await expect(database.query("select x from books")).rejects.toMatchObject({ code: "42703" });
    await expect(database.migrate("update books set pages = -1")).rejects.toMatchObject({ code: "23514" });
    expect(await rows("select pages from books")).toEqual([{ pages: 10 }]);
  });

  it("is seen at once by who has the file open elsewhere", async () => {
    const elsewhere = createSqliteHandles({ maxProcesses: 1 });
    const other = elsewhere.open({
      environmentId: "env",
      generation: 1,
      file: join(directory, `${count}.db`),
    });
    expect((await other.query("select * from authors where id = 1")).rows).toEqual([{ id: 1, name: "Ada" }]);
    await database.migrate("alter table authors add column born date");
    expect((await other.query("select * from authors where id = 1")).rows).toEqual([
      { id: 1, name: "Ada", born: null },
    ]);
    await elsewhere.close();
  });
});

describe("what the level can't hold", () => {
  it("is told all at once, with line and remedy", async () => {
    const { findings } = await translateMigration(
      [
        "-- ü: places are counted in characters",
        "create table a (",
        "  id int primary key,",
        "  price numeric not null,",
        "  at interval,",
        "  counted serial",
        ");",
        "create index on a using gin (price);",
        "",
        "create function f() returns int language sql as 'select 1';",
        "create table b (like a);",
        "create trigger t before insert on a execute function f();",
      ].join("\n"),
    );
    expect(findings.map(({ line, code }) => [line, code])).toEqual([
      [4, "0A000"],
      [5, "0A000"],
      [2, "0A000"],
      [8, "0A000"],
      [10, "0A000"],
      [11, "0A000"],
      [12, "0A000"],
    ]);
    expect(findings.slice(0, 4).every(({ remedy }) => remedy !== undefined)).toBe(true);
  });

  it.each([
    ["create aggregate total (int) (sfunc = int4pl, stype = int)", "CREATE AGGREGATE"],
    ["create rule silent as on insert to a do instead nothing", "CREATE RULE"],
    ["create cast (text as int) with inout", "CREATE CAST"],
    ["lock table a", "LOCK"],
  ])("is called as SQL calls it: %s", async (sql, words) => {
    const { findings } = await translateMigration(`create table a (id int primary key); ${sql}`);
    expect(findings).toMatchObject([{ message: expect.stringMatching(`^${words} isn't part`) }]);
  });

  it.each([
    ["create table a (id int primary key, b int references nothing)", "42P01"],
    ["create table a (id int, id text)", "42701"],
    ["create table a (x nothing)", "42704"],
    ["create table a (x int check (y > 0))", "42703"],
    ["create table a (x int); create table b (y int references a (x))", "42830"],
    ["create table a (x int default 'abc')", "22P02"],
    ["create table", "42601"],
    ["create view v as select * from pg_class", "42P01"],
    ["create view v as select load_extension('x')", "0A000"],
    ["create schema other", "0A000"],
    ["begin; select 1", "0A000"],
  ])("%s is refused", async (sql, code) => {
    const { findings } = await translateMigration(sql);
    expect(findings[0]).toMatchObject({ code, line: 1 });
    await expect(database.migrate(sql)).rejects.toMatchObject({ name: "MigrationNotPortable" });
  });
});
