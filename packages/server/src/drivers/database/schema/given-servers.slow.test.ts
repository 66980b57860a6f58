import { newId } from "../../../kernel/index.ts";
import { givenServer } from "../../../testing/database-servers.ts";
import { databaseDriverSuite } from "../driver.testsuite.ts";
import { createSchemaDriver } from "./index.ts";

for (const version of [15, 18] as const) {
  databaseDriverSuite(
    `level schema on PostgreSQL ${version} with CREATEDB and CREATEROLE alone`,
    async () => {
      const { url, stop } = await givenServer(version);
      const driver = createSchemaDriver({ installationId: newId() });
      return { driver, server: { id: newId(), url }, close: stop };
    },
  );
}
