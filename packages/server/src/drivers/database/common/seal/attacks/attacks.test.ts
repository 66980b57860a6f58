import { embeddedLikeServer } from "../../../../../testing/database-servers.ts";
import { attackSuite } from "./attacks.testsuite.ts";

attackSuite(
  "attacks on PostgreSQL 18, as its superuser",
  { ground: "own", levels: ["shared", "schema", "database", "dedicated"] },
  embeddedLikeServer,
);
