import { newId } from "../../../kernel/index.ts";
import { givenServer } from "../../../testing/database-servers.ts";
import { databaseDriverSuite } from "../driver.testsuite.ts";
import { createDatabaseDriver } from "./index.ts";

for (const version of [15, 18] as const) {
  databaseDriverSuite(
    `level database on PostgreSQL ${version} with CREATEDB and CREATEROLE alone`,
    async () => {
      const { url, stop } = await givenServer(version);
      const driver = createDatabaseDriver({ installationId: newId() });
      return { driver, server: { id: newId(), url }, close: stop };
    },
  );
}
