import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runAt } from "../../../drivers/database/driver.testsuite.ts";
import { createDb, type Db } from "../../../infra/db/index.ts";
import { silentLog } from "../../../infra/log/index.ts";
import { testPostgres } from "../../../testing/postgres.ts";
import { waitUntil } from "../../../testing/wait-until.ts";
import { freeNotifications } from "./free-notifications.ts";
import { selectNotificationUsage } from "./notifications.sql.ts";

let server: Awaited<ReturnType<typeof testPostgres>>;
let db: Db;
beforeAll(async () => {
  server = await testPostgres();
  db = createDb({ url: server.url, applicationName: "tenantry test", maxConnections: 1 });
  await runAt(
    server.url,
    "create role tnl_listener login password 'x'",
    "create role another login password 'x'",
  );
});
afterAll(async () => {
  await db.destroy();
  await server.stop();
});

/** Listens, and begins a transaction that nothing ends. */
async function listener(role: string): Promise<{ client: pg.Client; isEnded: () => boolean }> {
  const url = new URL(server.url);
  Object.assign(url, { username: role, password: "x" });
  let ended = false;
  const client = new pg.Client({ connectionString: url.href }).on("error", () => undefined);
  client.on("end", () => {
    ended = true;
  });
  await client.connect();
  for (const text of ["listen everything", "begin", "select 1"]) await client.query(text);
  return { client, isEnded: () => ended };
}

test("a login that keeps notifications from being let go is ended, and nobody else; then the queue empties", async () => {
  const [login, other] = [await listener("tnl_listener"), await listener("another")];
  for (let count = 0; count < 50; count += 1)
    await runAt(server.url, `notify everything, '${count} ${"x".repeat(7_000)}'`);
  const filled = await selectNotificationUsage(db);
  expect(filled).toBeGreaterThan(0);
  await freeNotifications({ db, log: silentLog });
  await freeNotifications({ db, log: silentLog }, { logins: filled / 2, applications: 1, seconds: 3_600 });
  expect(login.isEnded()).toBe(false);
  await freeNotifications({ db, log: silentLog }, { logins: filled / 2, applications: 1, seconds: 0 });
  await waitUntil("the login's connection ends", () => login.isEnded());
  expect(other.isEnded()).toBe(false);
  await other.client.end();
  await waitUntil("the queue is emptied", async () => {
    await runAt(server.url, "listen everything", "notify everything");
    return (await selectNotificationUsage(db)) < filled;
  });
});
