import { newId } from "../../../kernel/index.ts";
import { embeddedLikeServer } from "../../../testing/database-servers.ts";
import { postgresDriverSuite } from "../postgres.testsuite.ts";
import { createDatabaseDriver } from "./index.ts";

postgresDriverSuite("level database on PostgreSQL 18 as a superuser", async () => {
  const { url, stop } = await embeddedLikeServer();
  const driver = createDatabaseDriver({ installationId: newId() });
  return { driver, server: { id: newId(), url }, close: stop };
});
