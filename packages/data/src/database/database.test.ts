import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type TestPostgres, testPostgres } from "../../../server/src/testing/postgres.ts";
import { waitUntil } from "../../../server/src/testing/wait-until.ts";
import { createPools, type Pools } from "../pools/index.ts";
import { type Database, openDatabase, type Transaction } from "./index.ts";

const applicationName = "tenantry database test";
let server: TestPostgres;
let observer: pg.Client;
let pools: Pools;
let database: Database;
let usable: () => void = () => undefined;

beforeAll(async () => {
  server = await testPostgres();
  const url = await server.createDatabase("tenant");
  observer = new pg.Client({ connectionString: url });
  await observer.connect();
  await observer.query("create table pages (id int primary key, title text not null)");
  pools = createPools({ budgets: () => 4, applicationName, statementTimeoutMs: 2_000, environmentShare: 1 });
  const placement = { environmentId: "env_1", serverId: "srv", url, generation: 1 };
  database = openDatabase({ pools, placement, assertUsable: () => usable() });
});

beforeEach(async () => {
  usable = () => undefined;
  await observer.query("truncate pages");
  await database.query("insert into pages values (1, 'Home'), (2, 'About')");
});

afterEach(async () => {
  expect(pools.stats()[0]).toMatchObject({ busy: 0, waiting: 0 });
});

afterAll(async () => {
  await pools?.close();
  await observer?.end();
  await server?.stop();
});

async function titles(): Promise<string[]> {
  return (await observer.query("select title from pages order by id")).rows.map((row) => row.title);
}

async function busyWith(query: string): Promise<void> {
  await waitUntil(`a backend at ${query}`, async () => {
    const { rowCount } = await observer.query(
      "select 1 from pg_stat_activity where application_name = $1 and state = 'active' and query like $2",
      [applicationName, `%${query}%`],
    );
    return rowCount === 1;
  });
}

/** The statements and their order, as PostgreSQL saw them on the one connection used. */
async function pid(tx: Pick<Transaction, "query">): Promise<number> {
  return (await tx.query<{ pid: number }>("select pg_backend_pid() pid")).rows[0]!.pid;
}

describe("one statement", () => {
  it("gives typed rows, their number, and what was done", async () => {
    const result = await database.query<{ id: number; title: string }>(
      "select * from pages where id = $1 or title = $2 order by id",
      [1, "About"],
    );
    expect(result.rows).toEqual([
      { id: 1, title: "Home" },
      { id: 2, title: "About" },
    ]);
    expect(result).toMatchObject({ rowCount: 2, command: "SELECT" });
    expect(await database.query("update pages set title = 'x'")).toMatchObject({
      rowCount: 2,
      command: "UPDATE",
    });
  });

  it("takes no second statement, with values or without", async () => {
    for (const params of [[], [1]]) {
      const text = `select ${params.length ? "$1::int" : "1"}; delete from pages`;
      await expect(database.query(text, params)).rejects.toMatchObject({ code: "42601" });
    }
    expect(await titles()).toEqual(["Home", "About"]);
  });

  it("reports the server's own error and leaves the connection in order", async () => {
    const before = await pid(database);
    await expect(database.query("insert into pages values (1, 'Twice')")).rejects.toMatchObject({
      code: "23505",
      constraint: "pages_pkey",
    });
    await expect(database.query("select 1/0")).rejects.toBeInstanceOf(pg.DatabaseError);
    expect(await pid(database)).toBe(before);
  });

  it("can't open a transaction that a later one would fall into", async () => {
    const before = await pid(database);
    await expect(database.query("begin")).rejects.toMatchObject({ name: "InvalidArgument" });
    await database.query("insert into pages values (3, 'Kept')");
    expect(await pid(database)).toBe(before);
    expect(await titles()).toContain("Kept");
  });

  it("refuses what isn't a statement or a value", async () => {
    for (const text of ["", undefined, 5]) {
      await expect(database.query(text as string)).rejects.toMatchObject({ name: "InvalidArgument" });
    }
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    await expect(database.query("select $1::jsonb", [circular])).rejects.toThrow();
    expect((await database.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  });

  it("is stopped by the server when it takes too long", async () => {
    await expect(database.query("select pg_sleep(10)")).rejects.toMatchObject({ code: "57014" });
  });

  it("asks before each use whether the environment may be used", async () => {
    usable = () => {
      throw new Error("suspended");
    };
    await expect(database.query("select 1")).rejects.toThrow("suspended");
    await expect(database.transaction(async () => undefined)).rejects.toThrow("suspended");
    await expect(database.stream("select 1").next()).rejects.toThrow("suspended");
    usable = () => undefined;
    const suspendedMidway = database.transaction(async (tx) => {
      await tx.query("delete from pages");
      usable = () => {
        throw new Error("suspended");
      };
      await tx.query("select 1");
    });
    await expect(suspendedMidway).rejects.toThrow("suspended");
    expect(await titles()).toEqual(["Home", "About"]);
  });
});

describe("cancellation", () => {
  it("stops the statement on the server, and the connection goes on", async () => {
    const before = await pid(database);
    const controller = new AbortController();
    const asked = database.query("select pg_sleep(20)", [], { signal: controller.signal });
    await busyWith("pg_sleep(20)");
    controller.abort(new Error("nobody waits any more"));
    await expect(asked).rejects.toThrow("nobody waits any more");
    expect(await pid(database)).toBe(before);
  });

  it("never hits the statement after the one it was meant for", async () => {
    for (let round = 0; round < 60; round += 1) {
      const controller = new AbortController();
      const asked = database
        .query("select pg_sleep(0.002)", [], { signal: controller.signal })
        .catch(() => undefined);
      setTimeout(() => controller.abort(), round % 6);
      await asked;
      await expect(database.query("select pg_sleep(0.003)")).resolves.toMatchObject({ rowCount: 1 });
    }
  });

  it("before the start sends nothing", async () => {
    const signal = AbortSignal.abort(new Error("too late"));
    await expect(database.query("delete from pages", [], { signal })).rejects.toThrow("too late");
    expect(await titles()).toEqual(["Home", "About"]);
  });

  it("of a transaction rolls it back", async () => {
    const controller = new AbortController();
    const asked = database.transaction(
      async (tx) => {
        await tx.query("delete from pages");
        controller.abort(new Error("changed my mind"));
      },
      { signal: controller.signal },
    );
    await expect(asked).rejects.toThrow("changed my mind");
    expect(await titles()).toEqual(["Home", "About"]);
  });
});

describe("a transaction", () => {
  it("commits everything, on one connection", async () => {
    const pids = await database.transaction(async (tx) => {
      await tx.query("insert into pages values ($1, $2)", [3, "News"]);
      expect(await titles()).toEqual(["Home", "About"]);
      return Promise.all([pid(tx), pid(tx)]);
    });
    expect(new Set(pids).size).toBe(1);
    expect(await titles()).toEqual(["Home", "About", "News"]);
  });

  it("takes everything back when the work throws, also with statements still under way", async () => {
    const asked = database.transaction(async (tx) => {
      const slow = tx.query("insert into pages select 9, 'Late' from pg_sleep(0.1)");
      slow.catch(() => undefined);
      throw new Error("stop");
    });
    await expect(asked).rejects.toThrow("stop");
    expect(await titles()).toEqual(["Home", "About"]);
  });

  it("says so when an error that was caught has undone it", async () => {
    const asked = database.transaction(async (tx) => {
      await tx.query("insert into pages values (3, 'News')");
      await tx.query("select 1/0").catch(() => undefined);
    });
    await expect(asked).rejects.toMatchObject({ name: "TransactionAborted" });
    expect(await titles()).toEqual(["Home", "About"]);
  });

  it("runs at the isolation asked for, and no other text gets in by that way", async () => {
    for (const isolation of ["read committed", "repeatable read", "serializable"] as const) {
      const { rows } = await database.transaction((tx) => tx.query("show transaction_isolation"), {
        isolation,
      });
      expect(rows).toEqual([{ transaction_isolation: isolation }]);
    }
    const hostile = "serializable; delete from pages" as "serializable";
    await expect(database.transaction(async () => 1, { isolation: hostile })).rejects.toMatchObject({
      name: "InvalidArgument",
    });
    const write = database.transaction((tx) => tx.query("delete from pages"), { readOnly: true });
    await expect(write).rejects.toMatchObject({ code: "25006" });
  });

  it("can't be ended from within, nor used after its end", async () => {
    for (const text of ["commit", "rollback"]) {
      const asked = database.transaction(async (tx) => {
        await tx.query(text);
      });
      await expect(asked).rejects.toMatchObject({ name: "InvalidArgument" });
    }
    let kept: Transaction | undefined;
    await database.transaction(async (tx) => {
      kept = tx;
    });
    await expect(kept!.query("delete from pages")).rejects.toMatchObject({ name: "InvalidArgument" });
    expect(await titles()).toEqual(["Home", "About"]);
  });

  it("reports a serialization failure instead of repeating the work", async () => {
    let runs = 0;
    const asked = database.transaction(
      async (tx) => {
        runs += 1;
        await tx.query("select * from pages");
        await observer.query("update pages set title = 'Meanwhile' where id = 1");
        await tx.query("update pages set title = 'Mine' where id = 1");
      },
      { isolation: "repeatable read" },
    );
    await expect(asked).rejects.toMatchObject({ code: "40001" });
    expect(runs).toBe(1);
  });

  it("is unknown to the caller when the line breaks, and the connection isn't used again", async () => {
    const asked = database.transaction(async (tx) => {
      await observer.query("select pg_terminate_backend($1)", [await pid(tx)]);
      await tx.query("select 1");
    });
    await expect(asked).rejects.toMatchObject({ name: "DatabaseUnavailable" });
    await database.query("select 1");
  });
});

describe("a stream of rows", () => {
  it("reads them all, batch by batch", async () => {
    for (const [count, batchSize] of [
      [0, 10],
      [9, 10],
      [10, 10],
      [1_003, 10],
      [1_003, undefined],
    ]) {
      let sum = 0;
      const rows = database.stream<{ n: number }>("select generate_series(1, $1::int) n", [count], {
        batchSize,
      });
      for await (const { n } of rows) sum += n;
      expect(sum).toBe((count! * (count! + 1)) / 2);
    }
  });

  it("gives its connection back in order when the reader stops half-way", async () => {
    const before = await pid(database);
    for await (const _ of database.stream("select generate_series(1, 1000000)", [], { batchSize: 5 })) break;
    expect(pools.stats()[0]).toMatchObject({ busy: 0 });
    expect(await pid(database)).toBe(before);
  });

  it("reports errors at the start and half-way, and gives its connection back", async () => {
    const read = async (text: string) => {
      let rows = 0;
      for await (const _ of database.stream(text, [], { batchSize: 2 })) rows += 1;
      return rows;
    };
    await expect(read("select wrong")).rejects.toMatchObject({ code: "42703" });
    await expect(read("select 1; select 2")).rejects.toMatchObject({ code: "42601" });
    await expect(read("select 10 / (5 - n) from generate_series(1, 9) n")).rejects.toMatchObject({
      code: "22012",
    });
    await database.query("select 1");
  });

  it("stops when its signal says so", async () => {
    const controller = new AbortController();
    const read = async () => {
      const rows = database.stream("select pg_sleep(0.01) from generate_series(1, 1000)", [], {
        batchSize: 3,
        signal: controller.signal,
      });
      for await (const _ of rows) controller.abort(new Error("enough"));
    };
    await expect(read()).rejects.toThrow("enough");
    await database.query("select 1");
  });

  it("refuses batches that make no sense", async () => {
    for (const batchSize of [0, -1, 1.5, 1e6]) {
      await expect(database.stream("select 1", [], { batchSize }).next()).rejects.toMatchObject({
        name: "InvalidArgument",
      });
    }
  });
});
