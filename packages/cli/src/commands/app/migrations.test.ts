import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readMigrations } from "./migrations.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "tenantry-migrations-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const write = (name: string, content: string | Buffer) => writeFile(path.join(directory, name), content);

describe("reading migrations", () => {
  it("takes the .sql files in the order of their names", async () => {
    await write("002_b.sql", "select 2");
    await write("010_c.sql", "select 'Zoë'");
    await write("001_a.sql", "select 1");
    await write("README.md", "no");
    expect(await readMigrations(directory)).toEqual([
      { name: "001_a.sql", sql: "select 1" },
      { name: "002_b.sql", sql: "select 2" },
      { name: "010_c.sql", sql: "select 'Zoë'" },
    ]);
  });

  it("says what can't be read, and why", async () => {
    await expect(readMigrations(directory)).rejects.toThrow(`There are no .sql files in ${directory}.`);
    await expect(readMigrations(path.join(directory, "none"))).rejects.toThrow("there is no such directory");
    await write("001_a.sql", Buffer.from([0x73, 0xff]));
    await expect(readMigrations(path.join(directory, "001_a.sql"))).rejects.toThrow(
      "that is not a directory",
    );
    await expect(readMigrations(directory)).rejects.toThrow("001_a.sql can't be read: it isn't UTF-8.");
    await rm(path.join(directory, "001_a.sql"));
    await mkdir(path.join(directory, "002_b.sql"));
    await expect(readMigrations(directory)).rejects.toMatchObject({ problem: { code: "file_unreadable" } });
  });
});
