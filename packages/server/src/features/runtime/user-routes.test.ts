import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createVersionWatch, sql } from "../../infra/db/index.ts";
import { type Api, bearerKey, type Principal } from "../../infra/http/index.ts";
import { silentLog } from "../../infra/log/index.ts";
import { newId, showId, systemClock } from "../../kernel/index.ts";
import { createTestApi } from "../../testing/api.ts";
import { describeBadInput, describeBadPath, describeBadQuery } from "../../testing/bad-input.ts";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { insertTestApp, insertTestTenant, type TestTenant } from "../../testing/tenants.ts";
import { createAccess } from "../access/index.ts";
import { createSettings } from "../settings/index.ts";
import { runtimeRoutes } from "./index.ts";

const password = "correct horse battery";
const environmentId = newId();
const url = `/v1/runtime/environments/${showId("env", environmentId)}/users`;
/** Of an admin of acme; the session is filled in when there is one. */
const asAdmin = { authorization: "Bearer sites", "tenantry-session": "" };
const keys = new Map<string, Principal>();
let registry: TestRegistry;
let api: Api;
let other: TestTenant;

beforeAll(async () => {
  registry = await testRegistry();
  const { db, notifications } = registry;
  for (const app of ["sites", "shop"]) {
    keys.set(app, { kind: "app", keyId: newId(), appId: await insertTestApp(db, app) });
  }
  const settings = createSettings({});
  const access = createAccess({ db, log: silentLog, clock: systemClock, settings });
  const versions = createVersionWatch({ db, notifications, log: silentLog, stream: "runtime" });
  const snapshot = () => Promise.reject(new Error("Nobody asks for it here."));
  const repairLogin = () => Promise.reject(new Error("Nobody asks for it here."));
  api = await createTestApi({
    groups: [
      runtimeRoutes({
        ...{ db, ...access, snapshot, versions, repairLogin },
        ...{ repairCache: repairLogin, repairGlobalCache: repairLogin },
        publicUrl: (hostname) => `http://${hostname}/`,
        storageKeys: () => Promise.reject(new Error("Nobody asks for them here.")),
      }),
    ],
    authenticate: async (request) => keys.get(bearerKey(request) ?? ""),
  });
  const appId = (keys.get("sites") as { appId: string }).appId;
  const acme = await insertTestTenant(db, appId, "acme");
  await sql`update environments set id = ${environmentId} where id = ${acme.environmentId}`.execute(db);
  other = await insertTestTenant(db, appId, "other");
  for (const tenant of ["acme", "other"]) {
    await access.users.create(tenant, { email: "ann@example.com", password, role: "admin" }, "test");
    await access.users.create(tenant, { email: "eve@example.com", password, role: "editor" }, "test");
  }
  asAdmin["tenantry-session"] = await sessionOf("ann@example.com", environmentId);
});
afterAll(async () => {
  await api.close();
  await registry.close();
});

async function sessionOf(email: string, environment: string): Promise<string> {
  const payload = { environmentId: showId("env", environment), email, password };
  const reply = await api.inject({
    method: "POST",
    url: "/v1/runtime/auth/login",
    headers: asAdmin,
    payload,
  });
  return reply.json().token;
}

async function list(headers: Record<string, string>, at = url) {
  const reply = await api.inject({ url: at, headers });
  return { status: reply.statusCode, body: reply.json() };
}

const route = {
  api: () => api,
  headers: asAdmin,
  state: async () => (await sql`select * from users order by id`.execute(registry.db)).rows,
};
const anyLetters = ["SQL", "HTML", "control characters", "direction marks"] as const;

describeBadInput({
  ...route,
  method: "POST",
  url,
  body: { email: "zed@example.com", password, name: "Zed", role: "viewer" },
  optional: ["/password", "/name", "/role"],
  takes: { "/name": ["SQL", "HTML"], "/password": anyLetters },
});
for (const method of ["GET", "PATCH", "DELETE"] as const) {
  describeBadPath({ ...route, method, url: (part) => `${url}/${part}` });
}
describeBadPath({ ...route, method: "GET", url: (part) => `/v1/runtime/environments/${part}/users` });
describeBadQuery({
  ...route,
  url,
  parameters: { limit: ["0", "x"], cursor: ["x"], search: ["x".repeat(300)] },
});

describe("a tenant's users in the hands of its admins [IAM-2]", () => {
  it("are shown to an admin's session, to no other role, and to nobody without one", async () => {
    const emails = (await list(asAdmin)).body.items.map(({ email }: { email: string }) => email);
    expect(emails).toEqual(["ann@example.com", "eve@example.com"]);
    const editor = await sessionOf("eve@example.com", environmentId);
    expect(await list({ ...asAdmin, "tenantry-session": editor })).toMatchObject({
      status: 403,
      body: { code: "forbidden" },
    });
    expect(await list({ ...asAdmin, "tenantry-session": "x".repeat(43) })).toMatchObject({ status: 401 });
    expect((await list({ authorization: "Bearer sites" })).status).toBe(422);
  });

  it("let no admin take away what they have themself, nor change their own password without the present one", async () => {
    const [ann] = (await list(asAdmin)).body.items;
    const own = { url: `${url}/${ann.id}`, headers: asAdmin };
    const changes = [{ role: "editor" }, { status: "deactivated" }, { password: "another horse battery" }];
    for (const payload of changes) {
      const reply = await api.inject({ ...own, method: "PATCH", payload });
      expect([reply.statusCode, reply.json().code]).toEqual([403, "forbidden"]);
    }
    expect((await api.inject({ ...own, method: "DELETE" })).statusCode).toBe(403);
    const renamed = await api.inject({ ...own, method: "PATCH", payload: { name: "Ann" } });
    expect(renamed.json()).toEqual({ ...ann, name: "Ann", updatedAt: expect.any(String) });
  });

  it("aren't shown to an admin of another tenant, nor through another application", async () => {
    const theirs = await sessionOf("ann@example.com", other.environmentId);
    expect(await list({ ...asAdmin, "tenantry-session": theirs })).toMatchObject({
      status: 401,
      body: { code: "session_invalid" },
    });
    expect(await list({ ...asAdmin, authorization: "Bearer shop" })).toMatchObject({
      status: 404,
      body: { code: "environment_not_found" },
    });
    const { items } = (
      await list(
        { ...asAdmin, "tenantry-session": theirs },
        url.replace(showId("env", environmentId), showId("env", other.environmentId)),
      )
    ).body;
    const reply = await api.inject({ method: "DELETE", url: `${url}/${items[1].id}`, headers: asAdmin });
    expect(reply.statusCode).toBe(404);
  });
});
