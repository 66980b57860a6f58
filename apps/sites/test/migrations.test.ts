import { readdirSync, readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";

const folder = new URL("../migrations/", import.meta.url);
const files = readdirSync(folder)
  .sort()
  .map((name) => ({ name, sql: readFileSync(new URL(name, folder), "utf8") }));

test("the migrations are portable: SQLite takes them as they are", () => {
  const database = new DatabaseSync(":memory:");
  for (const { sql } of files) database.exec(sql);
  const tables = database.prepare("select name from sqlite_schema where type = 'table' order by name").all();
  expect(tables.map(({ name }) => name)).toEqual(["media", "pages"]);
  database.close();
});

test("the migrations know nothing of tenants", () => {
  expect(files.map(({ name }) => name)).toEqual(["0001_pages_and_media.sql"]);
  for (const { sql } of files) expect(sql).not.toMatch(/tenant/i);
});
