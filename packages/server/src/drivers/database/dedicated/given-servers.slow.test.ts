import { newId } from "../../../kernel/index.ts";
import { givenServer } from "../../../testing/database-servers.ts";
import { postgresDriverSuite } from "../postgres.testsuite.ts";
import { createDedicatedDriver } from "./index.ts";

postgresDriverSuite("level dedicated on PostgreSQL 15 with CREATEDB and CREATEROLE alone", async () => {
  const { url, stop } = await givenServer(15);
  const driver = createDedicatedDriver({ installationId: newId() });
  return { driver, server: { id: newId(), url }, close: stop };
});
