import { newId } from "../../../kernel/index.ts";
import { givenServer } from "../../../testing/database-servers.ts";
import { postgresDriverSuite } from "../postgres.testsuite.ts";
import { createSchemaDriver } from "./index.ts";

for (const version of [15, 18] as const) {
  postgresDriverSuite(
    `level schema on PostgreSQL ${version} with CREATEDB and CREATEROLE alone`,
    async () => {
      const { url, stop } = await givenServer(version);
      const driver = createSchemaDriver({ installationId: newId() });
      return { driver, server: { id: newId(), url }, close: stop };
    },
  );
}
