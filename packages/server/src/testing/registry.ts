import { createDb, type Db, migrate, registryMigrations } from "../infra/db/index.ts";
import { testPostgres } from "./postgres.ts";

export type TestRegistry = { db: Db; url: string; stop(): Promise<void> };

/** A PostgreSQL of this test's own with an empty registry in it. End it with `stop()`. */
export async function testRegistry(): Promise<TestRegistry> {
  const postgres = await testPostgres();
  const url = await postgres.createDatabase();
  await migrate(url, await registryMigrations());
  const db = createDb({ url, applicationName: "tenantry tests" });
  return {
    db,
    url,
    async stop() {
      await db.destroy();
      await postgres.stop();
    },
  };
}
