import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type TestPostgres, testPostgres } from "../../../server/src/testing/postgres.ts";
import { waitUntil } from "../../../server/src/testing/wait-until.ts";
import { type Database, openDatabase } from "../database/index.ts";
import { createPools, type DatabasePlacement, type Pools, type PoolsOptions } from "./index.ts";

const applicationName = "tenantry pools test";
let server: TestPostgres;
let observer: pg.Client;
const urls: string[] = [];
const opened: Pools[] = [];

beforeAll(async () => {
  server = await testPostgres();
  for (let number = 0; number < 8; number += 1) urls.push(await server.createDatabase());
  observer = new pg.Client({ connectionString: server.url });
  await observer.connect();
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((pools) => pools.close({ drainTimeoutMs: 100 })));
  await waitUntil("all backends are gone", async () => (await backends()).length === 0);
});

afterAll(async () => {
  await observer?.end();
  await server?.stop();
});

function open(budget: number | (() => number), options: Partial<PoolsOptions> = {}): Pools {
  const budgets = typeof budget === "number" ? () => budget : budget;
  const pools = createPools({ budgets, applicationName, waitTimeoutMs: 5_000, ...options });
  opened.push(pools);
  return pools;
}

function placement(number: number, more: Partial<DatabasePlacement> = {}): DatabasePlacement {
  return { environmentId: `env_${number}`, serverId: "srv", url: urls[number]!, generation: 1, ...more };
}

function database(pools: Pools, number: number): Database {
  return openDatabase({ pools, placement: placement(number) });
}

async function backends(): Promise<{ pid: number; datname: string; state: string; query: string }[]> {
  const { rows } = await observer.query(
    "select pid, datname, state, query from pg_stat_activity where application_name = $1",
    [applicationName],
  );
  return rows;
}

async function busyWith(query: string, count = 1): Promise<void> {
  await waitUntil(`${count} backends at ${query}`, async () => {
    const at = (await backends()).filter((each) => each.state === "active" && each.query.includes(query));
    return at.length === count;
  });
}

describe("connections to many databases of one server", () => {
  it("never are more than the budget, and every environment reaches its own database", async () => {
    // The server itself refuses this role a fourth backend.
    await observer.query("drop role if exists limited");
    await observer.query("create role limited login password 'limited' connection limit 3");
    const pools = open(3);
    await Promise.all(
      Array.from({ length: 160 }, async (_, index) => {
        const url = urls[index % 8]!.replace(/\/\/[^@]+@/, "//limited:limited@");
        const limited = openDatabase({ pools, placement: placement(index % 8, { url }) });
        const { rows } = await limited.query<{ name: string }>("select current_database() as name");
        expect(url.endsWith(`/${rows[0]!.name}`)).toBe(true);
      }),
    );
    expect(pools.stats()).toMatchObject([
      { serverId: "srv", budget: 3, busy: 0, waiting: 0, leases: 160, passedOn: 0 },
    ]);
    expect(pools.stats()[0]!.opened).toBeGreaterThanOrEqual(8);
  });

  it("count until the server has let them go, however long that takes", async () => {
    const pools = open(1);
    await database(pools, 0).query("select 1");
    const [slow] = await backends();
    process.kill(slow!.pid, "SIGSTOP");
    let served = false;
    const asked = database(pools, 1)
      .query("select 1")
      .then(() => {
        served = true;
      });
    try {
      // As long as others need to connect and ask three times over.
      for (let round = 0; round < 3; round += 1) {
        const others = createPools({ budgets: () => 1 });
        await database(others, 1).query("select 1");
        await others.close();
      }
      expect(served).toBe(false);
    } finally {
      process.kill(slow!.pid, "SIGCONT");
    }
    await asked;
  });

  it("are used again by the same environment, and never by another", async () => {
    const pools = open(4);
    const pids = async (number: number) =>
      (await database(pools, number).query<{ pid: number }>("select pg_backend_pid() pid")).rows[0]!.pid;
    const first = await pids(0);
    expect(await pids(1)).not.toBe(first);
    expect(await pids(0)).toBe(first);
  });

  it("make room in the order they were last used", async () => {
    const pools = open(3);
    for (const number of [0, 1, 2, 0, 3]) await database(pools, number).query("select 1");
    const names = (await backends()).map((each) => each.datname);
    expect(names.toSorted()).toEqual([0, 2, 3].map((number) => urls[number]!.split("/").at(-1)).toSorted());
  });

  it("are closed when nobody has used them for a while", async () => {
    const pools = open(3, { idleMs: 50 });
    await database(pools, 0).query("select 1");
    await waitUntil("the idle backend is gone", async () => (await backends()).length === 0);
    await waitUntil("it no longer counts", () => pools.stats()[0]!.open === 0);
  });

  it("follow a budget that shrinks and grows while they are at work", async () => {
    let budget = 6;
    const pools = open(() => budget, { environmentShare: 1 });
    const sleepers = Array.from({ length: 6 }, (_, index) =>
      database(pools, index).query("select pg_sleep(0.4)"),
    );
    await busyWith("pg_sleep", 6);
    budget = 2;
    pools.refresh();
    await Promise.all(sleepers);
    await waitUntil("two backends are left", async () => (await backends()).length === 2);
    const waiting = Array.from({ length: 5 }, (_, index) =>
      database(pools, index).query("select pg_sleep(0.3)"),
    );
    await busyWith("pg_sleep", 2);
    budget = 5;
    pools.refresh();
    await busyWith("pg_sleep", 5);
    await Promise.all(waiting);
  });
});

describe("fairness", () => {
  it("lets no environment hold more than its share", async () => {
    const pools = open(4, { environmentShare: 0.5 });
    const loud = Array.from({ length: 4 }, () => database(pools, 0).query("select pg_sleep(0.3)"));
    await busyWith("pg_sleep", 2);
    await database(pools, 1).query("select 1");
    expect((await backends()).filter((each) => each.query.includes("pg_sleep")).length).toBe(2);
    await Promise.all(loud);
  });

  it("serves a quiet environment soon, however many of a loud one wait", async () => {
    const pools = open(1);
    const order: string[] = [];
    const loud = Array.from({ length: 30 }, () =>
      database(pools, 0)
        .query("select pg_sleep(0.01)")
        .then(() => order.push("loud")),
    );
    await busyWith("pg_sleep");
    const quiet = database(pools, 1)
      .query("select 1")
      .then(() => order.push("quiet"));
    await Promise.all([...loud, quiet]);
    expect(order.indexOf("quiet")).toBeLessThanOrEqual(10);
  });

  it("doesn't spend its time on connecting when more environments wait than connections fit", async () => {
    const pools = open(1);
    const pids = new Set<number>();
    await Promise.all(
      Array.from({ length: 80 }, async (_, index) => {
        const { rows } = await database(pools, index % 4).query<{ pid: number }>(
          "select pg_backend_pid() pid",
        );
        pids.add(rows[0]!.pid);
      }),
    );
    expect(pids.size).toBeGreaterThanOrEqual(4);
    expect(pids.size).toBeLessThan(20);
  });

  it("refuses waiters beyond the bound, those of the loudest first, and says when to come again", async () => {
    const pools = open(1, { maxWaiters: 5 });
    const holding = database(pools, 2).query("select pg_sleep(0.3)");
    await busyWith("pg_sleep");
    const loud = Array.from({ length: 10 }, () => database(pools, 0).query("select 1"));
    const quiet = database(pools, 1).query("select 1");
    const outcomes = await Promise.allSettled(loud);
    const refused = outcomes.filter((outcome) => outcome.status === "rejected");
    expect(refused.length).toBe(6);
    for (const { reason } of refused) {
      expect(reason).toMatchObject({ name: "PoolExhausted", code: "busy", retryAfterSeconds: 1 });
    }
    await Promise.all([quiet, holding]);
  });

  it("refuses who has waited too long", async () => {
    const pools = open(1, { waitTimeoutMs: 1_500 });
    const holding = database(pools, 0).query("select pg_sleep(3)");
    await busyWith("pg_sleep");
    await expect(database(pools, 1).query("select 1")).rejects.toMatchObject({ name: "PoolExhausted" });
    await holding;
    await database(pools, 0).query("select 1");
  });

  it("waits for a budget that isn't known yet", async () => {
    let budget = 0;
    const pools = open(() => budget);
    const asked = database(pools, 0).query("select 1");
    expect(pools.stats()[0]).toMatchObject({ open: 0, waiting: 1 });
    budget = 1;
    pools.refresh();
    await asked;
  });
});

describe("callers that abort", () => {
  it("leak no connection, wherever they are on the way", async () => {
    const pools = open(2);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 120 }, async (_, index) => {
        const controller = new AbortController();
        setTimeout(() => controller.abort(new Error("went away")), index % 40);
        await database(pools, index % 6).query("select pg_sleep(0.02)", [], { signal: controller.signal });
      }),
    );
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") expect(outcome.reason.message).toBe("went away");
    }
    expect(outcomes.filter((outcome) => outcome.status === "rejected").length).toBeGreaterThan(60);
    expect(pools.stats()[0]).toMatchObject({ busy: 0, waiting: 0 });
    await Promise.all([0, 1, 2, 3].map((number) => database(pools, number).query("select 1")));
    expect((await backends()).length).toBeLessThanOrEqual(2);
  });
});

describe("a server in trouble", () => {
  it("costs the statements at work, and nothing after it is back", async () => {
    const pools = open(4);
    await database(pools, 1).query("select 1");
    const atWork = database(pools, 0).query("select pg_sleep(30)");
    const caught = expect(atWork).rejects.toMatchObject({ name: "DatabaseUnavailable", code: "unavailable" });
    await busyWith("pg_sleep");
    const [victim] = (await backends()).filter((each) => each.state === "active");
    // A backend that dies hard makes the server drop every connection and recover, as a crash does.
    const gone = new Promise<void>((resolve) => observer.on("end", () => resolve()));
    observer.on("error", () => undefined);
    process.kill(victim!.pid, "SIGKILL");
    await Promise.all([caught, gone]);
    await waitUntil("the server answers again", async () => {
      observer = new pg.Client({ connectionString: server.url });
      return observer.connect().then(
        () => true,
        () => false,
      );
    });
    for (const number of [0, 1, 2]) await database(pools, number).query("select 1");
    expect((await backends()).length).toBe(3);
  });

  it("that can't be reached answers every waiter with an error of its own", async () => {
    const pools = open(2);
    const nowhere = { ...placement(0), url: "postgres://nobody:nothing@127.0.0.1:1/none" };
    const asked = Array.from({ length: 5 }, () =>
      openDatabase({ pools, placement: nowhere }).query("select 1"),
    );
    for (const outcome of await Promise.allSettled(asked)) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { name: "DatabaseUnavailable" } });
    }
    await database(pools, 1).query("select 1");
  });

  it("never shows a password in an error", async () => {
    const pools = open(2);
    const wrong = { ...placement(0), url: server.url.replace(/:[^:@]+@/, ":wr0ng-s3cret@") };
    const error = await openDatabase({ pools, placement: wrong })
      .query("select 1")
      .catch((caught) => caught);
    expect(error).toMatchObject({ name: "DatabaseUnavailable" });
    expect(`${error.stack} ${error.cause?.stack} ${JSON.stringify(error)}`).not.toContain("wr0ng-s3cret");
  });

  it("replaces a connection that an operator ended", async () => {
    const pools = open(2);
    await database(pools, 0).query("select 1");
    const [before] = await backends();
    await observer.query("select pg_terminate_backend($1)", [before!.pid]);
    await waitUntil("the pool notices", () => pools.stats()[0]!.open === 0);
    await database(pools, 0).query("select 1");
  });
});

describe("a placement that changes", () => {
  it("moves to the new place at once: the old connections close and the old generation is refused", async () => {
    const pools = open(4);
    const atWork = database(pools, 0).query("select pg_sleep(0.2)");
    await database(pools, 0).query("select 1");
    await busyWith("pg_sleep");
    const moved = placement(0, { generation: 2, url: urls[1]! });
    const { rows } = await openDatabase({ pools, placement: moved }).query<{ name: string }>(
      "select current_database() name",
    );
    expect(urls[1]!.endsWith(`/${rows[0]!.name}`)).toBe(true);
    await expect(database(pools, 0).query("select 1")).rejects.toMatchObject({ name: "PlacementRetired" });
    await atWork;
    await waitUntil("the old place has no backends", async () =>
      (await backends()).every((each) => urls[1]!.endsWith(`/${each.datname}`)),
    );
  });

  it("takes new credentials of the same generation", async () => {
    const pools = open(4);
    await database(pools, 0).query("select 1");
    const [before] = await backends();
    const renewed = placement(0, { url: `${urls[0]}?renewed=1` });
    await openDatabase({ pools, placement: renewed }).query("select 1");
    await waitUntil("the old backend is gone", async () => {
      const now = await backends();
      return now.length === 1 && now[0]!.pid !== before!.pid;
    });
  });

  it("is forgotten with all its connections", async () => {
    const pools = open(4);
    await database(pools, 0).query("select 1");
    await database(pools, 1).query("select 1");
    pools.forget("env_0");
    await waitUntil("one backend is left", async () => (await backends()).length === 1);
    await database(pools, 0).query("select 1");
  });
});

describe("closing the pools", () => {
  it("lets work finish, refuses new work and leaves no backend", async () => {
    const pools = open(2);
    const atWork = database(pools, 0).query("select pg_sleep(0.2)");
    await busyWith("pg_sleep");
    const closing = pools.close();
    await expect(database(pools, 1).query("select 1")).rejects.toMatchObject({ name: "PoolExhausted" });
    await expect(atWork).resolves.toMatchObject({ rowCount: 1 });
    await closing;
    expect(await backends()).toEqual([]);
  });

  it("cuts off what takes too long, also on the server", async () => {
    const pools = open(2);
    const atWork = expect(database(pools, 0).query("select pg_sleep(30)")).rejects.toThrow();
    await busyWith("pg_sleep");
    await pools.close({ drainTimeoutMs: 50 });
    await atWork;
    await waitUntil("the backend stopped", async () => (await backends()).length === 0);
  });
});
