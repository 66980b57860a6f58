import { embeddedLikeServer } from "../../../testing/database-servers.ts";
import { sharedHarness } from "../../../testing/shared-harness.ts";
import { databaseDriverSuite } from "../driver.testsuite.ts";

databaseDriverSuite("level shared on PostgreSQL 18 as a superuser", () => sharedHarness(embeddedLikeServer));
