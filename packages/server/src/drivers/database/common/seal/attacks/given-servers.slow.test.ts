import { givenServer } from "../../../../../testing/database-servers.ts";
import { testPostgres15 } from "../../../../../testing/postgres-15.ts";
import { attackSuite } from "./attacks.testsuite.ts";

attackSuite(
  "attacks on PostgreSQL 15, as its superuser",
  { strategy: "parameter", ground: "own" },
  async () => {
    const { url, stop } = await testPostgres15();
    return { url, superuserUrl: url, stop };
  },
);

for (const version of [15, 18] as const) {
  attackSuite(
    `attacks on a given PostgreSQL ${version}, as a role that may make databases and roles`,
    { strategy: "statement", ground: "given" },
    () => givenServer(version),
  );
}
