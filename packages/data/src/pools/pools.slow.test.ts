import { cpus } from "node:os";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type TestPostgres, testPostgres } from "../../../server/src/testing/postgres.ts";
import { waitUntil } from "../../../server/src/testing/wait-until.ts";
import { openDatabase } from "../database/index.ts";
import { createPools, type Pools } from "./index.ts";

const databases = 300;
const budget = 20;
const applicationName = "tenantry many databases";
let server: TestPostgres;
let observer: pg.Client;
let pools: Pools;
const urls: string[] = [];

beforeAll(async () => {
  server = await testPostgres({ settings: { max_connections: String(budget + 15) } });
  const numbers = Array.from({ length: databases }, (_, number) => number).values();
  await Promise.all(
    Array.from({ length: cpus().length }, async () => {
      for (const number of numbers) urls[number] = await server.createDatabase(`tenant_${number}`);
    }),
  );
  observer = new pg.Client({ connectionString: server.url });
  await observer.connect();
  // Beyond the budget the server itself refuses this role.
  await observer.query(`create role app login password 'app' connection limit ${budget}`);
  pools = createPools({ budgets: () => budget, applicationName, statementTimeoutMs: 500 });
});

afterAll(async () => {
  await pools?.close();
  await observer?.end();
  await server?.stop();
});

function database(number: number) {
  const url = urls[number]!.replace(/\/\/[^@]+@/, "//app:app@");
  const placement = { environmentId: `env_${number}`, serverId: "srv", url, generation: 1 };
  return openDatabase({ pools, placement });
}

async function backends(of = applicationName): Promise<{ pid: number; state: string }[]> {
  const { rows } = await observer.query(
    "select pid, state from pg_stat_activity where application_name = $1",
    [of],
  );
  return rows;
}

// Side by side, since the second waits most of its time.
describe.concurrent("300 databases under 20 backends", () => {
  it("are all served, with never a backend too many", async () => {
    let most = 0;
    let working = true;
    const watcher = (async () => {
      while (working) most = Math.max(most, (await backends()).length);
    })();
    // A few are asked often and most seldom, as tenants are.
    const asked = Array.from(
      { length: 3_000 },
      (_, index) => Math.floor(databases ** ((index * 0.61803) % 1)) - 1,
    );
    for (let number = 0; number < databases; number += 1) asked.push(number);
    const todo = asked.values();
    await Promise.all(
      Array.from({ length: 100 }, async () => {
        for (const number of todo) {
          const { rows } = await database(number).query<{ name: string }>(
            "select current_database() as name",
          );
          expect(rows[0]!.name).toBe(`tenant_${number}`);
        }
      }),
    ).finally(() => {
      working = false;
    });
    await watcher;
    expect(most).toBeGreaterThan(budget / 2);
    expect(most).toBeLessThanOrEqual(budget);
  });

  it("give up on a backend that doesn't answer at all, and go on without it", async () => {
    const of = "tenantry stuck";
    await using stack = new AsyncDisposableStack();
    const pools = createPools({ budgets: () => budget, applicationName: of, statementTimeoutMs: 5_000 });
    stack.defer(() => pools.close());
    // Without the role's limit, by which the server would still count the backend we gave up on.
    const placement = { environmentId: "env_0", serverId: "srv", url: urls[0]!, generation: 1 };
    const database = openDatabase({ pools, placement });
    const asked = database.query("select pg_sleep(4.5)");
    const stuck = await waitUntil("the statement runs", async () =>
      (await backends(of)).find((each) => each.state === "active"),
    );
    process.kill(stuck.pid, "SIGSTOP");
    try {
      await expect(asked).rejects.toMatchObject({ name: "DatabaseUnavailable" });
      await database.query("select 1");
      expect(pools.stats()[0]).toMatchObject({ busy: 0 });
    } finally {
      process.kill(stuck.pid, "SIGCONT");
    }
  });
});
