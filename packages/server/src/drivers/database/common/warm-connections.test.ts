import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type TestPostgres, testPostgres } from "../../../testing/postgres.ts";
import { cutOff } from "./cut-off.ts";
import { openClient, sessionSettings } from "./session.ts";
import { createWarmConnections, type WarmConnections } from "./warm-connections.ts";

let server: TestPostgres;
let warm: WarmConnections;

beforeAll(async () => {
  server = await testPostgres();
});
afterAll(() => server?.stop());
beforeEach(() => {
  warm = createWarmConnections({ isKept: (database) => database === "postgres" });
});
afterEach(() => warm.close());

const connect = (url = server.url, applicationName = "first") =>
  warm.connect({
    connectionString: url,
    application_name: applicationName,
    options: sessionSettings({ search_path: "pg_catalog", lock_timeout: "1000" }),
  });

type Client = Awaited<ReturnType<typeof connect>>;
const one = async (client: Client, text: string) => Object.values((await client.query(text)).rows[0])[0];
const pidOf = (client: Client) => one(client, "select pg_backend_pid()");

test("a connection that was ended serves the next one as if it were new", async () => {
  const first = await connect();
  const pid = await pidOf(first);
  await first.query(
    "select pg_advisory_lock(7); set search_path = nowhere; set work_mem = '1MB'; create temp table t ()",
  );
  await first.end();
  await first.end();
  const second = await connect(server.url, "second");
  expect(await pidOf(second)).toBe(pid);
  expect(await one(second, "show application_name")).toBe("second");
  expect(await one(second, "show search_path")).toBe("pg_catalog");
  expect(await one(second, "show lock_timeout")).toBe("1s");
  expect(await one(second, "show work_mem")).not.toBe("1MB");
  expect(await one(second, "select count(*)::int from pg_locks where locktype = 'advisory'")).toBe(0);
  expect(await one(second, "select to_regclass('pg_temp.t')")).toBe(null);
  await second.end();
});

test("one that is lent is nobody else's; one in a transaction, or that was cut off, doesn't come back", async () => {
  const [first, second] = [await connect(), await connect()];
  const pids = [await pidOf(first), await pidOf(second)];
  expect(pids[0]).not.toBe(pids[1]);
  await first.query("begin");
  await first.end();
  await second.end();
  const observer = await openClient({ connectionString: server.url });
  await observer.query("select pg_terminate_backend($1, 5000)", [pids[1]]);
  await observer.end();
  const third = await connect();
  expect(pids).not.toContain(await pidOf(third));
  await third.end();
});

test("one that was cut off doesn't come back, though it answers: the request to cancel may still be on its way", async () => {
  const first = await connect();
  const pid = await pidOf(first);
  cutOff(first);
  await first.end();
  const second = await connect();
  expect(await pidOf(second)).not.toBe(pid);
  await second.end();
});

test("one that nobody asks for goes after a while, and one to a database that is said to stay comes back", async () => {
  const brief = createWarmConnections({ idleMs: 50 });
  const observer = await openClient({ connectionString: server.url });
  const stands = (pid: unknown) =>
    one(observer, `select count(*)::int from pg_stat_activity where pid = ${pid}`);
  const stays = { connectionString: server.url, stays: true };
  const first = await brief.connect(stays);
  const pid = await pidOf(first);
  await first.end();
  const second = await brief.connect(stays);
  expect(await pidOf(second)).toBe(pid);
  await second.end();
  await expect.poll(() => stands(pid)).toBe(0);
  const passing = await brief.connect({ connectionString: server.url });
  const other = await pidOf(passing);
  await passing.end();
  await expect.poll(() => stands(other)).toBe(0);
  await brief.close();
  await observer.end();
});

test("to a database that isn't kept, none stays; after the close, to none", async () => {
  const observer = await openClient({ connectionString: server.url });
  const backends = async () =>
    one(observer, "select count(*)::int from pg_stat_activity where application_name = 'first'");
  const url = await server.createDatabase();
  await (await connect(url)).end();
  await expect
    .poll(() =>
      one(
        observer,
        `select count(*)::int from pg_stat_activity
    where datname = '${new URL(url).pathname.slice(1)}'`,
      ),
    )
    .toBe(0);
  const last = await connect();
  await warm.close();
  await last.end();
  await expect.poll(backends).toBe(0);
  await observer.end();
});
