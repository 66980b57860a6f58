import { stat } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDb, createNotifications, type Notifications, sql } from "../infra/db/index.ts";
import { silentLog } from "../infra/log/index.ts";
import { testGateway } from "../testing/gateway.ts";
import { type TestRoutes, testRoutes } from "../testing/routes.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { createRouteFollower } from "./route-follower.ts";
import { createRouteTable } from "./route-table.ts";

let registry: TestRoutes;
const deaf: Notifications = { on: () => () => undefined, close: async () => undefined };

beforeAll(async () => {
  registry = await testRoutes();
});
afterAll(() => registry?.close());

/** A table that follows the registry, until it is disposed of. */
async function follow(options: { notifications?: Notifications; pollMs?: number } = {}) {
  const db = createDb({ url: registry.url, applicationName: "test follower", maxConnections: 3 });
  const table = createRouteTable();
  const follower = createRouteFollower({
    db,
    table,
    log: silentLog,
    notifications: options.notifications ?? deaf,
    pollMs: options.pollMs ?? 10,
    pageSize: 3,
  });
  await follower.start();
  return {
    table,
    follower,
    async [Symbol.asyncDispose]() {
      await follower.stop();
      await db.destroy();
    },
  };
}

test("everything is loaded at the start, page by page, and changes and deletions follow", async () => {
  const upstreamId = await registry.upstream(["http://127.0.0.1:1"]);
  const hosts = Array.from({ length: 10 }, (_, index) => `load-${index}.localhost`);
  await registry.routes(hosts, { upstreamId });
  await using followed = await follow();
  const { table } = followed;
  expect(hosts.every((host) => table.find(host)?.status === "active")).toBe(true);
  expect(table.upstream(upstreamId)?.urls).toEqual(["http://127.0.0.1:1"]);

  await registry.routes(["load-3.localhost"], { status: "suspended", upstreamId });
  await waitUntil("the change arrives", () => table.find("load-3.localhost")?.status === "suspended");
  await registry.removeRoutes(["load-4.localhost", "load-5.localhost"]);
  await waitUntil("the deletion arrives", () => table.find("load-5.localhost") === undefined);
  expect(table.find("load-4.localhost")).toBeUndefined();
  await registry.removeUpstream(upstreamId);
  await waitUntil("the upstream is gone", () => table.upstream(upstreamId) === undefined);
  expect(table.version()).toBe(await registry.version());
});

test("a notification brings a change within milliseconds, long before the next poll", async () => {
  const notifications = createNotifications({
    url: registry.url,
    applicationName: "test",
    log: silentLog,
  });
  await using followed = await follow({ notifications, pollMs: 60_000 });
  await waitUntil("the notifications are on", async () => {
    const { rows } = await sql`
      select 1 from pg_stat_activity where query like 'listen%tenantry_stream%' and state = 'idle'
    `.execute(registry.db);
    return rows.length > 0;
  });
  await registry.routes(["notified.localhost"]);
  await waitUntil("the change arrives", () => followed.table.find("notified.localhost"), 2_000);
  await notifications.close();
});

test("a follower that is more versions behind than tombstones are kept reads everything anew", async () => {
  await registry.routes(["kept.localhost", "swept.localhost"]);
  await using followed = await follow({ pollMs: 100 });
  const { table } = followed;
  // Both within one poll: the deletion's tombstone is swept before the follower looks.
  await registry.db.transaction().execute(async (tx) => {
    await sql`update stream_versions set version = version + 2 where stream = 'routes'`.execute(tx);
    await sql`delete from routes where hostname = 'swept.localhost'`.execute(tx);
    await sql`update stream_versions set forgotten_version = version - 1 where stream = 'routes'`.execute(tx);
  });
  await waitUntil("the deleted host is gone", () => table.find("swept.localhost") === undefined);
  expect(table.find("kept.localhost")).toBeDefined();
});

test("a registry whose version went back, as after a restore, is read anew", async () => {
  await registry.routes(["before.localhost"]);
  await using followed = await follow();
  const { table } = followed;
  await registry.db.transaction().execute(async (tx) => {
    await sql`delete from routes where hostname = 'before.localhost'`.execute(tx);
    await sql`update stream_versions set version = 1, forgotten_version = 0 where stream = 'routes'`.execute(
      tx,
    );
    await sql`update routes set version = 1`.execute(tx);
  });
  await waitUntil("the restored registry is what counts", () => table.version() === 1);
  expect(table.find("before.localhost")).toBeUndefined();
  await sql`update stream_versions set version = 1000 where stream = 'routes'`.execute(registry.db);
});

test("a gateway keeps what it knows on disk, readable by its owner alone", async () => {
  const tested = await testGateway(registry);
  await registry.routes(["disk.localhost"]);
  await tested.caughtUp();
  await tested.gateway.close({ drainMs: 0 });
  const file = await stat(path.join(tested.directory, "routes.ndjson"));
  expect(file.mode & 0o777).toBe(0o600);
  await tested.stop();
});
