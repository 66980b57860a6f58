import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type TestPostgres, testPostgres } from "../../../server/src/testing/postgres.ts";
import { type Database, openDatabase } from "../database/index.ts";
import { createPools, type Pools } from "../pools/index.ts";

let server: TestPostgres;
let url: string;
let pools: Pools;
let database: Database;

beforeAll(async () => {
  server = await testPostgres();
  url = await server.createDatabase();
});
beforeEach(async () => {
  pools = createPools({ budgets: () => 1, environmentShare: 1 });
  database = openDatabase({
    pools,
    placement: { environmentId: "env", serverId: "srv", url, generation: 1 },
  });
  await database.query("create table notes (id int primary key, title text)");
  await database.query("insert into notes values (1, 'one')");
});
afterEach(async () => {
  await database.query("drop table notes");
  await pools.close();
});
afterAll(() => server?.stop());

async function standing(): Promise<string[]> {
  const { rows } = await database.query<{ statement: string }>(
    "select statement from pg_prepared_statements",
  );
  return rows.map(({ statement }) => statement);
}

describe("statements of a database of its own", () => {
  it("stand prepared from the second time on, and only those that read or write rows", async () => {
    // Whether a text was seen before is remembered by the process.
    const hot = `select title as "${randomUUID()}" from notes where id = $1`;
    await database.query(hot, [1]);
    expect(await standing()).not.toContain(hot);
    for (let time = 0; time < 2; time += 1) {
      await database.query(hot, [1]);
      await database.query("set work_mem = '4MB'");
    }
    expect(await standing()).toContain(hot);
    expect((await standing()).filter((text) => text.startsWith("set"))).toEqual([]);
  });

  it("follow a migration, and the application's own DISCARD ALL", async () => {
    const all = "select * from notes";
    for (let time = 0; time < 3; time += 1) await database.query(all);
    await database.query("alter table notes add column more int default 5");
    expect((await database.query(all)).rows).toEqual([{ id: 1, title: "one", more: 5 }]);
    await database.query("alter table notes alter more type text");
    expect((await database.query(all)).rows).toEqual([{ id: 1, title: "one", more: "5" }]);
    await database.query("discard all");
    expect((await database.query(all)).rows).toHaveLength(1);
  });

  it("that fail don't keep the next try from succeeding, and are told with the server's own error", async () => {
    const insert = "insert into notes values ($1, $2)";
    for (let time = 0; time < 4; time += 1) {
      await expect(database.query(insert, [1, "again"])).rejects.toMatchObject({ code: "23505" });
    }
    await database.query(insert, [2, "two"]);
    await database.query(insert, [3, "three"]);
    await expect(database.query(insert, [4])).rejects.toMatchObject({ code: "08P01" });
    await expect(database.query("select nothing from notes")).rejects.toMatchObject({ code: "42703" });
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    await expect(database.query(insert, [5, circular])).rejects.toThrow("circular");
    await database.query(insert, [5, { fine: true }]);
    expect((await database.query("select count(*)::int as count from notes")).rows).toEqual([{ count: 4 }]);
  });
});
