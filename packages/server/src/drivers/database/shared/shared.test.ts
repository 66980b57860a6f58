import { embeddedLikeServer } from "../../../testing/database-servers.ts";
import { sharedHarness } from "../../../testing/shared-harness.ts";
import { postgresDriverSuite } from "../postgres.testsuite.ts";

postgresDriverSuite("level shared on PostgreSQL 18 as a superuser", () => sharedHarness(embeddedLikeServer));
