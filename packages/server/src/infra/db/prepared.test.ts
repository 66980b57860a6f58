import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { createDb, type Db, inTransaction, sql } from "./index.ts";
import { createStatementNames } from "./prepared.ts";

let registry: TestRegistry;
/** Of one connection, so that what a statement left is found by the next. */
let db: Db;
beforeAll(async () => {
  registry = await testRegistry();
});
beforeEach(() => {
  db = createDb({ url: registry.url, applicationName: "test", maxConnections: 1 });
});
afterEach(() => db.destroy());
afterAll(() => registry?.close());

async function prepared(text: string): Promise<number> {
  const { rows } = await sql`select from pg_prepared_statements where statement like ${`${text}%`}`.execute(
    db,
  );
  return rows.length;
}

it("has the server prepare a statement that is sent again, once", async () => {
  const ask = (number: number) => sql<{ sum: number }>`select ${number}::int + 1 as sum`.execute(db);
  expect((await ask(1)).rows).toEqual([{ sum: 2 }]);
  expect(await prepared("select $1::int + 1")).toBe(0);
  for (const number of [2, 3, 4]) expect((await ask(number)).rows).toEqual([{ sum: number + 1 }]);
  expect(await prepared("select $1::int + 1")).toBe(1);
});

it("names no more than a thousand statements, and none that is sent once", () => {
  const { nameOf } = createStatementNames();
  for (let number = 0; number < 3_000; number += 1) expect(nameOf(`once ${number}`)).toBeUndefined();
  const named = Array.from({ length: 3_000 }, (_, number) => {
    nameOf(`twice ${number}`);
    return nameOf(`twice ${number}`);
  }).filter((name) => name !== undefined);
  expect(new Set(named).size).toBe(1_000);
  expect(nameOf("twice 7")).toBe(named[7]);
});

it("asks on after a migration has changed what a prepared statement answers", async () => {
  await sql`create temporary table things (number int); insert into things values (1)`.execute(db);
  const ask = () => sql<{ number: unknown }>`select number from things where number >= ${0}`.execute(db);
  await ask();
  await ask();
  await sql`alter table things alter number type text; alter table things alter number type bigint using 2`.execute(
    db,
  );
  await expect(ask()).rejects.toMatchObject({ code: "0A000" });
  expect((await ask()).rows).toEqual([{ number: 2 }]);
});

it("a transaction begins with its first statement, and takes back what came before a failure", async () => {
  await sql`create temporary table sums (number int unique)`.execute(db);
  const insert = (number: number) => sql`insert into sums values (${number})`;
  const broken = inTransaction(db, async (tx) => {
    await insert(1).execute(tx);
    await insert(1).execute(tx);
  });
  await expect(broken).rejects.toMatchObject({ code: "23505" });
  await inTransaction(db, async () => undefined);
  await insert(2).execute(db);
  const failing = inTransaction(db, (tx) => insert(2).execute(tx));
  await expect(failing).rejects.toMatchObject({ code: "23505" });
  await inTransaction(db, (tx) => insert(3).execute(tx), { isolation: "serializable" });
  const { rows } = await sql`select number from sums order by number`.execute(db);
  expect(rows).toEqual([{ number: 2 }, { number: 3 }]);
});

it("a transaction has the isolation that was asked for", async () => {
  const isolation = await inTransaction(
    db,
    async (tx) => (await sql`show transaction_isolation`.execute(tx)).rows,
    { isolation: "serializable" },
  );
  expect(isolation).toEqual([{ transaction_isolation: "serializable" }]);
});
