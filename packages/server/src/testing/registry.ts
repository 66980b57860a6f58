import {
  createDb,
  createNotifications,
  type Db,
  migrate,
  type Notifications,
  registryMigrations,
} from "../infra/db/index.ts";
import { silentLog } from "../infra/log/index.ts";
import { type TestPostgres, testPostgres } from "./postgres.ts";

export type TestRegistry = {
  url: string;
  db: Db;
  notifications: Notifications;
  close(): Promise<void>;
};

/** A fresh, migrated registry: on a server of its own, or on one of the test's that stops after it is closed. */
export async function testRegistry(given?: Pick<TestPostgres, "createDatabase">): Promise<TestRegistry> {
  const server = given ?? (await testPostgres());
  const url = await server.createDatabase();
  await migrate(url, await registryMigrations());
  const db = createDb({ url, applicationName: "test" });
  const notifications = createNotifications({ url, applicationName: "test", log: silentLog });
  return {
    url,
    db,
    notifications,
    async close() {
      await notifications.close();
      await db.destroy();
      if (!given) await (server as TestPostgres).stop();
    },
  };
}
