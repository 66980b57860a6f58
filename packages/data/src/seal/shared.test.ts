import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { embeddedLikeServer, type TestServer } from "../../../server/src/testing/database-servers.ts";
import { type SealedDatabase, sealedDatabase } from "../../../server/src/testing/sealed-database.ts";
import { type Database, openDatabase } from "../database/index.ts";
import { createPools, type DatabasePlacement, type Pools } from "../pools/index.ts";

let server: TestServer;
beforeAll(async () => {
  server = await embeddedLikeServer();
});
afterAll(() => server?.stop());

const uuid = (number: number): string => `0192aaaa-0000-7000-8000-${String(number).padStart(12, "0")}`;

describe.each(["parameter", "statement"] as const)("a shared database, sealed by %s", (strategy) => {
  let sealed: SealedDatabase;
  let observer: pg.Client;
  const opened: Pools[] = [];

  beforeAll(async () => {
    sealed = await sealedDatabase(server, { strategy });
    observer = new pg.Client({ connectionString: sealed.superuserUrl });
    await observer.connect();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((pools) => pools.close()));
    await observer.query("truncate notes, tags, log");
  });
  afterAll(() => observer?.end());

  function open(backends: number, statementTimeoutMs = 5_000): Pools {
    const pools = createPools({
      budgets: () => backends,
      environmentShare: 1,
      statementTimeoutMs,
      applicationName: "shared test",
    });
    opened.push(pools);
    return pools;
  }

  function placementOf(number: number): DatabasePlacement {
    const { databaseId, key, url } = sealed;
    const seal = { databaseId, environmentId: uuid(number), key: key.toString("base64"), pooled: false };
    return { environmentId: `env_${number}`, serverId: "srv", url, generation: 1, seal };
  }

  const tenant = (pools: Pools, number: number): Database =>
    openDatabase({ pools, placement: placementOf(number) });

  const pidOf = async (database: Database): Promise<number> =>
    (await database.query<{ pid: number }>("select pg_backend_pid() as pid")).rows[0]!.pid;

  it("passes one connection from stranger to stranger, and leaves those alone that somebody comes back to", async () => {
    const pools = open(3);
    const regulars = [tenant(pools, 1), tenant(pools, 2), tenant(pools, 3)];
    const held = regulars.map(() => Promise.withResolvers<void>());
    // All at once, so that each gets a connection of its own.
    const pids = await Promise.all(
      regulars.map((database, index) =>
        database.transaction(async (tx) => {
          held[index]!.resolve();
          await Promise.all(held.map(({ promise }) => promise));
          return (await tx.query<{ pid: number }>("select pg_backend_pid() as pid")).rows[0]!.pid;
        }),
      ),
    );
    expect(new Set(pids).size).toBe(3);
    for (const database of regulars.slice(1)) await pidOf(database);
    const strangers = [];
    for (let number = 10; number < 20; number += 1) strangers.push(await pidOf(tenant(pools, number)));
    expect(new Set(strangers)).toEqual(new Set([pids[0]]));
    expect(await Promise.all(regulars.slice(1).map(pidOf))).toEqual(pids.slice(1));
  });

  it("shows each tenant its own rows, on one backend in turn, and never the hidden column", async () => {
    const pools = open(1);
    const [first, second] = [tenant(pools, 1), tenant(pools, 2)];
    const inserted = await first.query("insert into notes (id, title) values ($1, $2) returning *", [
      1,
      "first's",
    ]);
    expect(inserted).toMatchObject({
      rows: [{ id: 1, title: "first's", detail: null }],
      rowCount: 1,
      command: "INSERT",
    });
    expect(inserted.fields.map(({ name }) => name)).toEqual(["id", "title", "detail"]);
    await second.query("insert into notes (id, title) values (1, 'second''s')");
    expect((await first.query("select * from notes")).rows).toEqual([
      { id: 1, title: "first's", detail: null },
    ]);
    expect((await second.query("select n.*, 1 as more from notes n")).rows).toEqual([
      { id: 1, title: "second's", detail: null, more: 1 },
    ]);
    expect(await pidOf(first)).toBe(await pidOf(second));
  });

  it("works alike in transactions: commits, rolls back, and stays within its rows", async () => {
    const pools = open(2);
    const [first, second] = [tenant(pools, 1), tenant(pools, 2)];
    await second.query("insert into notes (id, title) values (7, 'second''s')");
    await first.transaction(
      async (tx) => {
        await tx.query("insert into notes (id, title) values (1, 'kept')");
        await tx.query("savepoint here");
        await tx.query("insert into notes (id, title) values (2, 'undone')");
        await tx.query("rollback to savepoint here");
        expect((await tx.query("select * from notes")).rows).toEqual([
          { id: 1, title: "kept", detail: null },
        ]);
      },
      { isolation: "serializable" },
    );
    const failing = first.transaction(async (tx) => {
      await tx.query("delete from notes");
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    expect((await first.query("select id from notes")).rows).toEqual([{ id: 1 }]);
    const reading = first.transaction((tx) => tx.query("delete from notes"), { readOnly: true });
    await expect(reading).rejects.toMatchObject({ code: "25006" });
  });

  it("streams in batches, without the hidden column, and lets the connection go when the loop ends early", async () => {
    const pools = open(1);
    const [first, second] = [tenant(pools, 1), tenant(pools, 2)];
    await first.query("insert into notes (id, title) select n, 'note ' || n from generate_series(1, 25) n");
    const ids: number[] = [];
    for await (const row of first.stream<{ id: number }>("select * from notes order by id", [], {
      batchSize: 10,
    })) {
      expect(Object.keys(row)).toEqual(["id", "title", "detail"]);
      ids.push(row.id);
    }
    expect(ids).toEqual(Array.from({ length: 25 }, (_, index) => index + 1));
    for await (const row of first.stream("select * from notes", [], { batchSize: 5 })) {
      expect(row).toHaveProperty("title");
      break;
    }
    expect((await second.query("select * from notes")).rows).toEqual([]);
    const failing = first.stream("select 1 / (3 - id) from notes order by id", [], { batchSize: 1 });
    await expect(Array.fromAsync(failing)).rejects.toMatchObject({ code: "22012" });
    expect((await first.query("select count(*)::int as count from notes")).rows).toEqual([{ count: 25 }]);
  });

  it("finds the key that ON CONFLICT names", async () => {
    const first = tenant(open(1), 1);
    const text = `insert into notes (id, title) values ($1, $2)
      on conflict (id) do update set title = excluded.title || ' (on conflict (id) do …)' returning title`;
    expect((await first.query(text, [1, "a"])).rows).toEqual([{ title: "a" }]);
    expect((await first.query(text, [1, "b"])).rows).toEqual([{ title: "b (on conflict (id) do …)" }]);
  });

  it("passes the server's own errors on, and the connection works afterwards", async () => {
    const pools = open(1);
    const [first, second] = [tenant(pools, 1), tenant(pools, 2)];
    const before = await pidOf(first);
    await first.query("insert into notes (id, title) values (1, 'one')");
    await expect(first.query("insert into notes (id, title) values (1, 'again')")).rejects.toMatchObject({
      code: "23505",
    });
    await expect(first.query("select nothing from notes")).rejects.toMatchObject({ code: "42703" });
    await expect(first.query("select $1::int", ["x"])).rejects.toMatchObject({ code: "22P02" });
    await expect(first.query("begin")).rejects.toMatchObject({ name: "InvalidArgument" });
    await expect(first.query("select 1; select 2")).rejects.toMatchObject({ code: "42601" });
    expect((await second.query("select * from notes")).rows).toEqual([]);
    expect(await pidOf(first)).toBe(before);
  });

  it("cancels on the server, and ends statements that take too long", async () => {
    const first = tenant(open(1, 1_500), 1);
    const before = await pidOf(first);
    await expect(first.query("select pg_sleep(20)")).rejects.toMatchObject({ code: "57014" });
    await expect(
      first.query("select pg_sleep(20)", [], { signal: AbortSignal.timeout(50) }),
    ).rejects.toMatchObject({ name: "TimeoutError" });
    expect(await pidOf(first)).toBe(before);
  });

  it("refuses what all tenants would share", async () => {
    const first = tenant(open(1), 1);
    for (const text of [
      "lock table notes",
      "listen x",
      "/* so */ notify x",
      "do $$ begin end $$",
      "copy notes to stdout",
      "discard all",
      "reset all",
      "prepare x as select 1",
    ]) {
      await expect(first.query(text)).rejects.toMatchObject({ name: "InvalidArgument" });
    }
  });

  it("can't be entered under another database's key, nor be taken for another environment", async () => {
    const pools = open(1);
    const placement = placementOf(1);
    const forged = { ...placement, seal: { ...placement.seal!, key: Buffer.alloc(32).toString("base64") } };
    await expect(
      openDatabase({ pools, placement: forged }).query("select * from notes"),
    ).rejects.toMatchObject({
      code: "TN002",
    });
    expect((await tenant(pools, 2).query("select * from notes")).rows).toEqual([]);
  });

  it("leaves the connection of a tenant that left to others, reset, and never to itself as it was", async () => {
    const pools = open(1);
    const before = await pidOf(tenant(pools, 1));
    await tenant(pools, 1).query("set application_name = 'LEFT'");
    pools.forget("env_1");
    for (const number of [2, 1]) {
      const { rows } = await tenant(pools, number).query("show application_name");
      expect(rows).toEqual([{ application_name: "shared test" }]);
      expect(await pidOf(tenant(pools, number))).toBe(before);
      pools.forget(`env_${number}`);
    }
    const elsewhere = { ...placementOf(1), url: `${sealed.url}?elsewhere=1` };
    const { rows } = await openDatabase({ pools, placement: elsewhere }).query(
      "select pg_backend_pid() as pid",
    );
    expect(rows).not.toEqual([{ pid: before }]);
  });

  describe("on a connection that passes from one tenant to the next", () => {
    const lefts: [title: string, leave: string[], look: string, clean: object[]][] = [
      [
        "a setting",
        ["set application_name = 'LEFT'"],
        "show application_name",
        [{ application_name: "shared test" }],
      ],
      ["a search path", ["set search_path = nowhere"], "select * from notes", []],
      [
        "a default transaction",
        ["set default_transaction_read_only = on"],
        "show default_transaction_read_only",
        [{ default_transaction_read_only: "off" }],
      ],
      ["a time zone", ["set timezone = 'Asia/Tokyo'"], "show timezone", [{ TimeZone: "server's" }]],
      [
        "a cursor",
        ["declare held cursor with hold for select 'LEFT'"],
        "select name from pg_cursors where name <> ''",
        [],
      ],
    ];
    it.each(lefts)("nothing is left of %s", async (title, leave, look, clean) => {
      const pools = open(1);
      const before = await pidOf(tenant(pools, 1));
      const asFound = (await tenant(pools, 3).query(look)).rows;
      for (const text of leave) await tenant(pools, 1).query(text);
      const met = await tenant(pools, 2).query(look);
      expect(met.rows).toEqual(title === "a time zone" ? asFound : clean);
      expect(await pidOf(tenant(pools, 2))).toBe(before);
    });

    it("not even a timeout that keeps the connection from being reset", async () => {
      const pools = open(1);
      await tenant(pools, 1).query("insert into notes (id, title) values (1, 'LEFT')");
      // So many that to discard them takes longer than the timeout.
      await tenant(pools, 1).transaction(async (tx) => {
        for (let cursor = 0; cursor < 300; cursor += 1) {
          await tx.query(
            `declare held_${cursor} cursor with hold for select * from notes, generate_series(1, 200)`,
          );
        }
      });
      // It may hit the very transaction that sets it.
      for (let time = 0; time < 3; time += 1) {
        await tenant(pools, 1)
          .query("set statement_timeout = '1ms'")
          .catch((error: pg.DatabaseError) => expect(error.code).toBe("57014"));
      }
      expect((await tenant(pools, 2).query("select * from notes")).rows).toEqual([]);
      expect((await tenant(pools, 2).query("select name from pg_cursors where name <> ''")).rows).toEqual([]);
    });
  });

  it("serves many tenants at once under few backends, each its own", async () => {
    const pools = open(4);
    const numbers = Array.from({ length: 100 }, (_, index) => index + 100);
    await Promise.all(
      numbers.map((number) =>
        tenant(pools, number).query("insert into notes (id, title) values (1, $1)", [`of ${number}`]),
      ),
    );
    const seen = await Promise.all(
      [...numbers, ...numbers].map(
        async (number) => (await tenant(pools, number).query("select title from notes")).rows,
      ),
    );
    expect(seen).toEqual([...numbers, ...numbers].map((number) => [{ title: `of ${number}` }]));
    expect(pools.stats()[0]!.open).toBeLessThanOrEqual(4);
    const { rows } = await observer.query(
      "select count(*)::int as count from pg_stat_activity where application_name = 'shared test'",
    );
    expect(rows[0].count).toBeLessThanOrEqual(4);
  });
});
