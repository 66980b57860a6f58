import pg from "pg";
import { describe, expect, test } from "vitest";
import { newId } from "../../kernel/index.ts";
import { testContext } from "../../testing/driver-context.ts";
import { databaseDriverSuite, type SuiteHarness } from "./driver.testsuite.ts";
import {
  byConnection,
  type DatabaseDriverHarness,
  notes,
  type PostgresHarness,
  refusedToWriters,
  runAt,
  schemaOf,
} from "./harness.testsuite.ts";
import { loginSuite } from "./logins.testsuite.ts";

type Opened = SuiteHarness<PostgresHarness & DatabaseDriverHarness>;

/** What every level on a PostgreSQL promises. */
export function postgresDriverSuite(title: string, open: () => Promise<PostgresHarness>): void {
  const opened = async () => {
    const harness = await open();
    return { ...harness, ...byConnection(harness.driver, harness.server) };
  };
  databaseDriverSuite(title, opened, (harness) => {
    roleSuite(harness);
    loginSuite(harness);
  });
}

/** What is promised of the role that an environment has. */
function roleSuite(open: () => Opened): void {
  test("a database has the types and functions that the migrations made", async () => {
    const { buildOne, run } = open();
    const built = await buildOne(schemaOf(newId(), notes));
    const rows = await run(
      built,
      "insert into notes (body, mood) values ('mine', 'tired')",
      "select body, note_count()::int as count, (select count(*)::int from fine_notes) as fine from notes order by id",
    );
    expect(rows).toEqual([
      { body: "from the migration", count: 2, fine: 1 },
      { body: "mine", count: 2, fine: 1 },
    ]);
  });

  test("an environment's role can't change the schema, make roles or databases, or see the ledger", async () => {
    const { buildOne, run } = open();
    const built = await buildOne(schemaOf(newId(), notes));
    for (const statement of [
      ...refusedToWriters,
      "select * from tenantry_ledger.migrations",
      "insert into tenantry_ledger.migrations values (99, 'mine', '')",
    ]) {
      const refused = await run(built, statement).catch((error: pg.DatabaseError) => error);
      expect({ statement, code: (refused as pg.DatabaseError).code }).toEqual({ statement, code: "42501" });
    }
  });

  test("building again gives the role a new password, and the old one is void", async () => {
    const { driver, server, buildOne } = open();
    const schema = schemaOf(newId(), notes);
    const databaseId = newId();
    const first = await buildOne(schema, databaseId);
    await buildOne(schema, databaseId);
    await expect(runAt(driver.connectionUrl(server, first), "select 1")).rejects.toMatchObject({
      code: "28P01",
    });
  });

  describe("a role that changed what it logs in with", () => {
    const change = (url: string, statement: string) => runAt(url, `alter role current_user ${statement}`);
    const pidOf = (client: pg.Client) => client.query("select pg_backend_pid() as pid");

    test.each([
      ["another password", "password 'other'", "28P01"],
      ["none at all", "password null", "28P01"],
      ["a library to load that isn't there", "set local_preload_libraries = 'nowhere'", "58P01"],
    ])("logs in with its own again once it is repaired: %s", async (_what, statement, code) => {
      const { driver, server, buildOne } = open();
      const built = await buildOne(schemaOf(newId(), notes));
      const neighbour = await buildOne(schemaOf(newId(), notes));
      const url = driver.connectionUrl(server, built);
      const [beside, inside] = [driver.connectionUrl(server, neighbour), url].map((connectionString) =>
        new pg.Client({ connectionString }).on("error", () => undefined),
      ) as [pg.Client, pg.Client];
      await Promise.all([beside.connect(), inside.connect()]);
      await change(url, statement);
      await expect(runAt(url, "select 1")).rejects.toMatchObject({ code });

      const request = { server, database: built };
      expect(await driver.repairLogin(testContext(), request)).toBe(true);
      expect(await runAt(url, "select 1 as one")).toEqual([{ one: 1 }]);
      await expect(pidOf(inside)).rejects.toThrow();
      expect((await pidOf(beside)).rowCount).toBe(1);
      await Promise.all([beside.end(), inside.end().catch(() => undefined)]);
      for (const one of [built, neighbour]) expect(await driver.verify(server, one)).toEqual([]);
      expect(await driver.repairLogin(testContext(), request)).toBe(false);
    });

    test("is repaired by those who come after one who was interrupted, and once by many at a time", async () => {
      const { driver, server, buildOne } = open();
      const built = await buildOne(schemaOf(newId(), notes));
      const url = driver.connectionUrl(server, built);
      await change(url, "password 'other'");
      const request = { server, database: built };
      for (const lostAt of [2, 3]) {
        let proofs = 0;
        const before = (call: string) => {
          proofs += call === "assertLease" ? 1 : 0;
          if (proofs === lostAt) throw new Error("interrupted");
        };
        await expect(driver.repairLogin(testContext({ before }), request)).rejects.toThrow("interrupted");
      }
      const repairs = await Promise.all([1, 2, 3].map(() => driver.repairLogin(testContext(), request)));
      expect(repairs.filter((repaired) => repaired)).toHaveLength(1);
      expect(await runAt(url, "select 1 as one")).toEqual([{ one: 1 }]);
    });

    test("stays as it is while its password is right: its connections go on", async () => {
      const { driver, server, buildOne } = open();
      const built = await buildOne(schemaOf(newId(), notes));
      const client = new pg.Client({ connectionString: driver.connectionUrl(server, built) });
      await client.connect();
      expect(await driver.repairLogin(testContext(), { server, database: built })).toBe(false);
      expect((await pidOf(client)).rowCount).toBe(1);
      await client.end();
    });
  });
}
