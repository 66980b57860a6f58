import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { createSqliteHandles, openSqlite, type SqliteDatabase, type SqliteHandles } from "./index.ts";

let directory: string;
let handles: SqliteHandles;
let database: SqliteDatabase;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tenantry-keys-"));
  handles = createSqliteHandles({ maxProcesses: 1 });
  database = await openSqlite({ file: join(directory, "keys.db"), create: true }, handles);
  await database.migrate(`
    create table people (id int primary key);
    create table teams (
      id int primary key,
      lead_id int constraint leads references people on delete restrict,
      best_id int constraint bests references people
    );
    create table members (id int primary key, team_id int constraint teams references teams deferrable initially deferred);
    create table notes (id int primary key, people_id int references people on delete cascade);
  `);
});
beforeEach(async () => {
  for (const table of ["members", "notes", "teams", "people"]) await database.query(`delete from ${table}`);
  await database.query("insert into people values (1), (2), (3)");
  await database.query("insert into teams values (1, 1, 2)");
  await database.query("insert into notes values (1, 1), (3, 3)");
});
afterAll(async () => {
  await handles.close();
  await rm(directory, { recursive: true });
});

const child = (table: string, constraint: string) => ({
  ...{ code: "23503", table, constraint },
  message: `insert or update on table "${table}" violates foreign key constraint "${constraint}"`,
});
const parent = (on: string, table: string, constraint: string) => ({
  ...{ code: "23503", table, constraint },
  message: `update or delete on table "${on}" violates foreign key constraint "${constraint}" on table "${table}"`,
});

it("names the foreign key that a statement broke, and whose row is missing or still referenced", async () => {
  for (const [statement, expected] of [
    ["insert into teams values (2, 1, 9)", child("teams", "bests")],
    ["update teams set lead_id = 9", child("teams", "leads")],
    ["delete from people where id = 2", parent("people", "teams", "bests")],
    ["update people set id = 9 where id = 2", parent("people", "teams", "bests")],
    ["delete from people where id = 1", parent("people", "teams", "leads")],
  ] as const) {
    await expect(database.query(statement), statement).rejects.toMatchObject(expected);
    const inTransaction = database.transaction(async (tx) => {
      await tx.query("insert into people values (7)");
      await tx.query(statement);
    });
    await expect(inTransaction, statement).rejects.toMatchObject(expected);
  }
  await database.query("delete from people where id = 3");
  const { rows } = await database.query(
    "select (select count(*)::int from people) as people, (select count(*)::int from notes) as notes",
  );
  expect(rows).toEqual([{ people: 2, notes: 1 }]);
});

it("names one that is looked at when the transaction ends, and one that a migration breaks", async () => {
  const late = database.transaction((tx) => tx.query("insert into members values (1, 9)"));
  await expect(late).rejects.toMatchObject({ code: "23503", table: "members", constraint: "teams" });
  await expect(database.migrate("update teams set lead_id = 9")).rejects.toMatchObject({
    ...{ code: "23503", table: "teams", constraint: "leads" },
  });
  await database.query("insert into members values (1, null)");
});

it("what came before stays, and goes on, where a savepoint catches it", async () => {
  await database.transaction(async (tx) => {
    await tx.query("insert into people values (4)");
    await tx.query("savepoint before");
    await expect(tx.query("insert into notes values (9, 99)")).rejects.toMatchObject(
      child("notes", "notes_people_id_fkey"),
    );
    await tx.query("rollback to savepoint before");
    await tx.query("insert into notes values (9, 4)");
  });
  const { rows } = await database.query("select people_id from notes where id = 9");
  expect(rows).toEqual([{ people_id: 4 }]);
});

it("doesn't look through a large file for the sake of a name", async () => {
  const file = join(directory, `${randomUUID()}.db`);
  const large = await openSqlite({ file, create: true }, handles);
  await large.migrate("create table blobs (id int primary key, other int references blobs, content text)");
  await large.query("insert into blobs (id, content) values (1, $1)", ["x".repeat(20_000_000)]);
  await expect(large.query("insert into blobs values (2, 99)")).rejects.toMatchObject({
    code: "23503",
    message: "insert or update or delete violates a foreign key constraint",
  });
});
