import { givenServer } from "../../../testing/database-servers.ts";
import { sharedHarness } from "../../../testing/shared-harness.ts";
import { postgresDriverSuite } from "../postgres.testsuite.ts";

for (const version of [15, 18] as const) {
  postgresDriverSuite(`level shared on PostgreSQL ${version} with CREATEDB and CREATEROLE alone`, () =>
    sharedHarness(() => givenServer(version)),
  );
}
