import { randomUUID } from "node:crypto";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createSqliteHandles, openSqlite, type SqliteHandles } from "./index.ts";

let directory: string;
let handles: SqliteHandles;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tenantry-quota-"));
  handles = createSqliteHandles({ maxProcesses: 1 });
});
afterAll(async () => {
  await handles.close();
  await rm(directory, { recursive: true });
});

async function application(name: string) {
  const file = join(directory, `${randomUUID()}-${name}`);
  const made = await openSqlite({ file, create: true }, handles);
  await made.migrate("create table notes (id serial primary key, body text)");
  await made.close();
  let quota: number | undefined = 1_000_000;
  const database = handles.open({ environmentId: file, generation: 1, file, maxBytes: () => quota });
  const write = (kilobytes = 64) =>
    database.query("insert into notes (body) values ($1) returning id", ["x".repeat(kilobytes * 1_000)]);
  async function fill(): Promise<unknown> {
    for (let count = 0; count < 1_000; count += 1) {
      try {
        await write();
      } catch (error) {
        return error;
      }
    }
    throw new Error("It was never full.");
  }
  return { file, database, write, fill, allow: (bytes: number | undefined) => (quota = bytes) };
}

it("a file grows to its quota and no further; what is there can be read and taken away, and its room is used again", async () => {
  const { file, database, write, fill } = await application("full.db");
  expect(await fill()).toMatchObject({
    code: "53400",
    message: expect.stringContaining("its quota is reached"),
  });
  const { rows } = await database.query<{ count: number }>("select count(*)::int as count from notes");
  expect(rows[0]!.count).toBeGreaterThan(10);
  await database.query("delete from notes where id < 5");
  await write();
  await handles.closeFile({ file });
  expect((await stat(file)).size).toBeLessThanOrEqual(1_000_000);
});

it("nothing of a transaction stays that a full file ended, and neighbours don't notice", async () => {
  const [{ database, fill }, neighbour] = [await application("ended.db"), await application("neighbour.db")];
  await fill();
  const before = await database.query("select count(*)::int as count from notes");
  const ended = database.transaction(async (tx) => {
    await tx.query("insert into notes (body) values ('small')");
    await tx.query("insert into notes (body) values ($1)", ["x".repeat(200_000)]);
  });
  await expect(ended).rejects.toMatchObject({ code: "53400" });
  expect(await database.query("select count(*)::int as count from notes")).toEqual(before);
  await neighbour.write();
});

it("a quota that is raised counts from the next statement on; one below what is there takes nothing away", async () => {
  const { database, write, fill, allow } = await application("raised.db");
  await fill();
  allow(2_000_000);
  await write(500);
  allow(10_000);
  await expect(write(500)).rejects.toMatchObject({ code: "53400" });
  await database.query("update notes set body = 'short' where id = 1");
  allow(undefined);
  await write(2_000);
});
