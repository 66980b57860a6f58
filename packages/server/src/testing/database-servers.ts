import { runAt } from "../drivers/database/driver.testsuite.ts";
import { testPostgres } from "./postgres.ts";
import { testPostgres15 } from "./postgres-15.ts";

export type TestServer = {
  /** As whom Tenantry works on it. */
  url: string;
  superuserUrl: string;
  stop(): Promise<void>;
};

/** PostgreSQL 18 as its superuser, which is how the embedded one is used. */
export async function embeddedLikeServer(): Promise<TestServer> {
  const postgres = await testPostgres();
  return { url: postgres.url, superuserUrl: postgres.url, stop: () => postgres.stop() };
}

/** A server as an operator might hand it over: to a role that may make databases and roles, and no more. */
export async function givenServer(version: 15 | 18): Promise<TestServer> {
  const postgres = version === 15 ? await testPostgres15() : await testPostgres();
  await runAt(postgres.url, "create role maker login password 'maker' createdb createrole");
  const url = postgres.url.replace(/\/\/[^@]*@/, "//maker:maker@");
  return { url, superuserUrl: postgres.url, stop: () => postgres.stop() };
}
