import { afterAll, beforeAll, expect, it } from "vitest";
import { sql } from "../../infra/db/index.ts";
import { silentLog } from "../../infra/log/index.ts";
import { showId, systemClock } from "../../kernel/index.ts";
import { fresh } from "../../testing/fresh.ts";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { insertTestApp, insertTestTenant, type TestTenant } from "../../testing/tenants.ts";
import { createSettings } from "../settings/index.ts";
import { createLogIn, createUsers, type LogIn } from "./index.ts";

let registry: TestRegistry;
let access: LogIn;
let appId: string;
beforeAll(async () => {
  registry = await testRegistry();
  const { db } = registry;
  appId = await insertTestApp(db, "sites");
  access = createLogIn({ db, log: silentLog, clock: systemClock, settings: createSettings({}) });
});
afterAll(() => registry.close());

type Site = TestTenant & { appId: string };

async function twoSites(): Promise<[Site, Site]> {
  const sites = [fresh("acme"), fresh("other")].map(async (slug) => ({
    ...(await insertTestTenant(registry.db, appId, slug)),
    appId,
  }));
  return (await Promise.all(sites)) as [Site, Site];
}

async function session(site: Site): Promise<{ token: string; userId: string }> {
  const credentials = { email: "ann@example.com", password: "correct horse battery" };
  const users = createUsers({ db: registry.db, log: silentLog, settings: createSettings({}) });
  await users.create(site.slug, { ...credentials, role: "editor" }, "test");
  const { token, user } = await access.logIn(site, credentials);
  return { token, userId: user.id };
}

async function told(site: Site): Promise<unknown[]> {
  const { rows } = await sql<{ data: unknown }>`
    select data from events where tenant_id = ${site.tenantId} and type = 'session.used-elsewhere'
  `.execute(registry.db);
  return rows.map(({ data }) => data);
}

it("a session of one tenant that is tried in another is refused, and told once of its user's tenant [ISO-11]", async () => {
  const [acme, other] = await twoSites();
  const { token, userId } = await session(acme);
  for (let time = 0; time < 3; time += 1) {
    await expect(access.session(other, token)).rejects.toMatchObject({ code: "session_invalid" });
  }
  expect(await told(acme)).toEqual([{ userId, environmentId: showId("env", other.environmentId) }]);
  expect(await told(other)).toEqual([]);
  expect(await access.session(acme, token)).toMatchObject({ user: { id: userId } });
});

it("a token that is nobody's is refused, and tells nothing", async () => {
  const [acme] = await twoSites();
  await expect(access.session(acme, "nobody's")).rejects.toMatchObject({ code: "session_invalid" });
  expect(await told(acme)).toEqual([]);
});
