import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { embeddedLikeServer, type TestServer } from "../../../server/src/testing/database-servers.ts";
import { type SealedDatabase, sealedDatabase } from "../../../server/src/testing/sealed-database.ts";
import { waitUntil } from "../../../server/src/testing/wait-until.ts";
import { type Database, openDatabase } from "../database/index.ts";
import { type Connection, createPools, type DatabasePlacement, type Pools } from "./index.ts";

let server: TestServer;
let sealed: SealedDatabase;
let superuser: pg.Client;
let pools: Pools;

beforeAll(async () => {
  server = await embeddedLikeServer();
  sealed = await sealedDatabase(server);
  superuser = new pg.Client({ connectionString: sealed.superuserUrl });
  await superuser.connect();
  // What a tenant hasn't got, it may get by a function that an application was careless with.
  await superuser.query(`
    grant execute on function pg_advisory_lock(bigint), pg_lock_status() to public;
    grant temporary on database ${pg.escapeIdentifier(new URL(sealed.url).pathname.slice(1))} to public`);
});
beforeEach(() => open(1));
afterEach(() => pools.close());
afterAll(async () => {
  await superuser?.end();
  await server?.stop();
});

function open(budget: number): void {
  pools = createPools({ budgets: () => budget, environmentShare: 1, applicationName: "reset ahead" });
}

function placementOf(number: number): DatabasePlacement {
  const { databaseId, key, url } = sealed;
  const environmentId = `0192aaaa-0000-7000-8000-${String(number).padStart(12, "0")}`;
  const seal = { databaseId, environmentId, key: key.toString("base64"), pooled: false };
  return { environmentId, serverId: "srv", url, generation: 1, seal };
}

const tenant = (number: number): Database => openDatabase({ pools, placement: placementOf(number) });

const pidOf = async (number: number): Promise<number> =>
  (await tenant(number).query<{ pid: number }>("select pg_backend_pid() as pid")).rows[0]!.pid;

/** Whatever a tenant might get done on a connection that it took over from another one. */
async function strangerLeaves(work: (connection: Connection) => Promise<unknown>): Promise<Connection> {
  await tenant(1).query("select 1");
  const { connection, release } = await pools.lease(placementOf(2));
  await work(connection);
  release();
  return connection;
}

const resets = (): number => pools.stats()[0]!.resetAhead;

describe("a connection that is reset ahead of need", () => {
  const lefts: [what: string, leave: string[], look: string][] = [
    [
      "settings",
      ["set application_name = 'LEFT'"],
      "select 1 where current_setting('application_name') = 'LEFT'",
    ],
    [
      "a search path",
      ["set search_path = nowhere"],
      "select 1 where current_setting('search_path') = 'nowhere'",
    ],
    [
      "prepared statements",
      ["prepare left_over as select 1"],
      "select 1 from pg_prepared_statements where name = 'left_over'",
    ],
    [
      "cursors",
      ["declare left_over cursor with hold for select 'LEFT'"],
      "select 1 from pg_cursors where name = 'left_over'",
    ],
    ["LISTEN", ["listen left_over"], "select pg_listening_channels()"],
    [
      "advisory locks",
      ["select pg_advisory_lock(77)"],
      "select 1 from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()",
    ],
    [
      "temporary tables",
      ["create temporary table left_over (id int)"],
      "select 1 from pg_class where relname = 'left_over'",
    ],
    [
      "numbers of sequences",
      ["create temporary sequence left_over", "select nextval('left_over')"],
      "select 1 from pg_class where relname = 'left_over'",
    ],
  ];

  it.each(lefts)("carries nothing of the tenant before: %s", async (_what, leave, look) => {
    const before = await strangerLeaves(async ({ client }) => {
      for (const text of leave) await client.query(text);
    });
    await waitUntil("it is reset", () => resets() === 1);
    // Straight, so that no reset of the taking over hides what is there.
    const { connection, release } = await pools.lease(placementOf(3));
    expect(connection).toBe(before);
    expect(connection.session!.environmentId).toBeUndefined();
    expect((await connection.client.query(look)).rows).toEqual([]);
    release();
  });

  it("is in no environment, and shows the next one its own rows", async () => {
    await tenant(1).query("insert into notes (id, title) values (1, 'first''s')");
    await tenant(2).query("insert into notes (id, title) values (1, 'second''s')");
    await waitUntil("it is reset", () => resets() === 1);
    const { connection, release } = await pools.lease(placementOf(3));
    await expect(connection.client.query("select * from notes")).rejects.toMatchObject({ code: "22P02" });
    release();
    expect((await tenant(3).query("select title from notes")).rows).toEqual([]);
    expect((await tenant(1).query("select title from notes")).rows).toEqual([{ title: "first's" }]);
    await superuser.query("truncate notes, tags");
  });

  it("is given to nobody before it is through, and counts meanwhile", async () => {
    let pid = 0;
    let [connection, served] = [undefined as Connection | undefined, false];
    try {
      connection = await strangerLeaves(async ({ client }) => {
        const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
        pid = rows[0]!.pid;
        await client.query("set application_name = 'LEFT'");
        process.kill(pid, "SIGSTOP");
      });
      await waitUntil("the reset is under way", () => !connection!.isReady());
      const asked = tenant(3)
        .query("select current_setting('application_name') as name")
        .then(({ rows }) => {
          served = true;
          return rows;
        });
      await waitUntil("somebody waits for it", () => pools.stats()[0]!.waiting === 1);
      expect(pools.stats()).toMatchObject([{ open: 1, busy: 0, opened: 1, resetAhead: 0 }]);
      expect(served).toBe(false);
      process.kill(pid, "SIGCONT");
      expect(await asked).toEqual([{ name: "reset ahead" }]);
      expect(await pidOf(3)).toBe(pid);
    } finally {
      process.kill(pid, "SIGCONT");
    }
  });

  it("is closed when it can't be reset, and another one takes its place", async () => {
    const before = await strangerLeaves(({ client }) => client.query("begin"));
    await waitUntil("it is gone", () => before.isBroken() && pools.stats()[0]!.open === 0);
    expect(resets()).toBe(0);
    const { connection, release } = await pools.lease(placementOf(3));
    expect(connection).not.toBe(before);
    release();
  });

  it("is closed when its server goes away meanwhile", async () => {
    await strangerLeaves(async ({ client }) => {
      const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
      await superuser.query("select pg_terminate_backend($1)", [rows[0]!.pid]);
    });
    await waitUntil("it is gone", () => pools.stats()[0]!.open === 0);
    expect((await tenant(3).query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  });

  it("was not one that its tenant had come back to", async () => {
    await pools.close();
    open(3);
    const held = [1, 2, 3].map(() => Promise.withResolvers<void>());
    const numbers = [1, 2, 3];
    // All at once, so that each gets a connection of its own.
    const pids = await Promise.all(
      numbers.map((number, index) =>
        tenant(number).transaction(async (tx) => {
          held[index]!.resolve();
          await Promise.all(held.map(({ promise }) => promise));
          return (await tx.query<{ pid: number }>("select pg_backend_pid() as pid")).rows[0]!.pid;
        }),
      ),
    );
    for (const number of [2, 3]) expect(await pidOf(number)).toBe(pids[number - 1]);
    for (let stranger = 10; stranger < 14; stranger += 1) {
      const before = resets();
      expect(await pidOf(stranger)).toBe(pids[0]);
      await waitUntil("it is reset for the next one", () => resets() > before);
    }
    for (const number of [2, 3]) expect(await pidOf(number)).toBe(pids[number - 1]);
  });
});
