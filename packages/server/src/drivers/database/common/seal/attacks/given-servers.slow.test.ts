import { givenServer } from "../../../../../testing/database-servers.ts";
import { testPostgres15 } from "../../../../../testing/postgres-15.ts";
import { attackSuite } from "./attacks.testsuite.ts";

attackSuite("attacks on PostgreSQL 15, as its superuser", { ground: "own", levels: ["shared"] }, async () => {
  const { url, stop } = await testPostgres15();
  return { url, superuserUrl: url, stop };
});

attackSuite(
  "attacks on a given PostgreSQL 15, as a role that may make databases and roles",
  { ground: "given", levels: ["shared", "schema", "database", "dedicated"] },
  () => givenServer(15),
);

attackSuite(
  "attacks on a given PostgreSQL 18, as a role that may make databases and roles",
  { ground: "given", levels: ["shared"] },
  () => givenServer(18),
);
