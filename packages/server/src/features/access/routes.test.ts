import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { inTransaction, sql } from "../../infra/db/index.ts";
import type { Api } from "../../infra/http/index.ts";
import { silentLog } from "../../infra/log/index.ts";
import { newId, showId, systemClock } from "../../kernel/index.ts";
import { asOperator, createTestApi } from "../../testing/api.ts";
import { describeBadInput, describeBadPath, describeBadQuery } from "../../testing/bad-input.ts";
import { fresh } from "../../testing/fresh.ts";
import { type TestPostgres, testPostgres } from "../../testing/postgres.ts";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { insertTestApp, insertTestTenant } from "../../testing/tenants.ts";
import { createSettings } from "../settings/index.ts";
import { accessRoutes, createAccess } from "./index.ts";
import { insertUser } from "./users.sql.ts";

const otherUserId = newId();
const password = "correct horse battery";
let server: TestPostgres;
let registry: TestRegistry;
let api: Api;

beforeAll(async () => {
  server = await testPostgres();
  registry = await testRegistry(server);
  const { db } = registry;
  const appId = await insertTestApp(db, "sites");
  for (const slug of ["acme", "paged"]) await insertTestTenant(db, appId, slug);
  const { tenantId } = await insertTestTenant(db, appId, "other");
  await inTransaction(db, (tx) =>
    insertUser(tx, {
      id: otherUserId,
      tenantId,
      email: "old@example.com",
      name: null,
      role: "viewer",
      passwordHash: null,
      emailVerified: true,
    }),
  );
  const access = createAccess({ db, log: silentLog, clock: systemClock, settings: createSettings({}) });
  const siteOf = async (tenant: string) => `http://${tenant}.localhost:8585/`;
  api = await createTestApi({ groups: [accessRoutes({ ...access, siteOf })] });
});
afterAll(async () => {
  await api.close();
  await registry.close();
  await server.stop();
});

async function call(
  method: "GET" | "POST" | "PATCH" | "DELETE",
  path: string,
  payload?: object,
  headers = {},
) {
  const reply = await api.inject({
    method,
    url: `/v1/tenants/${path}`,
    headers: { ...asOperator, ...headers },
    ...(payload && { payload }),
  });
  const body = reply.body === "" ? {} : (reply.json() as Record<string, unknown>);
  return { status: reply.statusCode, headers: reply.headers, body };
}

const route = {
  api: () => api,
  state: async () => (await sql`select * from users order by id`.execute(registry.db)).rows,
};
/** To a password they are only letters. */
const anyLetters = ["SQL", "HTML", "control characters", "direction marks"] as const;

describeBadInput({
  ...route,
  method: "POST",
  url: "/v1/tenants/other/users",
  body: { email: "zed@example.com", password, name: "Zed", role: "viewer" },
  optional: ["/password", "/name", "/role"],
  takes: { "/name": ["SQL", "HTML"], "/password": anyLetters },
});
describeBadInput({
  ...route,
  method: "PATCH",
  url: `/v1/tenants/other/users/${showId("usr", otherUserId)}`,
  body: { email: "zed@example.com", password, name: "Zed", role: "viewer", status: "active" },
  optional: ["/email", "/password", "/name", "/role", "/status"],
  nullable: ["/name"],
  takes: { "/name": ["SQL", "HTML"], "/password": anyLetters },
});
describeBadPath({ ...route, method: "GET", url: (part) => `/v1/tenants/${part}/users` });
for (const method of ["GET", "PATCH", "DELETE"] as const) {
  describeBadPath({ ...route, method, url: (part) => `/v1/tenants/other/users/${part}` });
}
describeBadPath({ ...route, method: "DELETE", url: (part) => `/v1/tenants/other/users/${part}/sessions` });
describeBadQuery({
  ...route,
  url: "/v1/tenants/other/users",
  parameters: { limit: ["0", "201", "x"], cursor: ["", "x"], search: ["x".repeat(300)] },
});

describe("the API of users [IAM-2]", () => {
  // A tenant takes five.
  beforeEach(async () => {
    await sql`
      delete from users using tenants where tenants.id = users.tenant_id and tenants.slug in ('acme', 'paged')
    `.execute(registry.db);
  });

  async function addFive(): Promise<void> {
    for (const name of ["a", "b", "c", "d", "e"])
      await call("POST", "paged/users", {
        email: `${name}@example.com`,
        name: name === "c" ? "50% off_er" : name,
      });
  }

  it("creates, shows, changes and deletes a user, and never shows a password or its hash", async () => {
    const created = await call("POST", "acme/users", { email: "ann@example.com", password, name: "Ann" });
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({
      email: "ann@example.com",
      name: "Ann",
      role: "editor",
      status: "active",
    });
    expect(created.headers.location).toBe(`/v1/tenants/acme/users/${created.body.id}`);
    const path = `acme/users/${created.body.id}`;
    const changed = await call("PATCH", path, { role: "admin", name: null });
    expect(changed.body).toMatchObject({ email: "ann@example.com", name: null, role: "admin" });
    const shown = await call("GET", path);
    expect(shown.body).toEqual(changed.body);
    for (const { body } of [created, changed, shown])
      expect(JSON.stringify(body)).not.toMatch(/password|argon2/);
    expect((await call("DELETE", `${path}/sessions`)).status).toBe(204);
    expect((await call("DELETE", path)).status).toBe(204);
    expect((await call("DELETE", path)).status).toBe(404);
  });

  it("makes a link for an address that isn't proven, which no answer but this one shows, and vouches for it [REG-7]", async () => {
    const email = `${fresh("new")}@example.com`;
    const { body } = await call("POST", "acme/users", { email, emailVerified: false });
    expect(body.emailVerifiedAt).toBeNull();
    const path = `acme/users/${body.id}`;
    const made = await call("POST", `${path}/verification`);
    expect(made).toMatchObject({ status: 201, body: { userId: body.id, email } });
    const { url, token } = made.body as { url: string; token: string };
    expect(url).toBe(`http://acme.localhost:8585/verify-email?token=${token}`);
    expect(JSON.stringify((await call("GET", path)).body)).not.toContain(token);
    const vouched = await call("PATCH", path, { emailVerified: true });
    expect(vouched.body.emailVerifiedAt).toMatch(/^20\d\d-/);
    expect(await call("POST", `${path}/verification`)).toMatchObject({
      status: 409,
      body: { code: "email_verified" },
    });
    expect((await call("POST", `other/users/${body.id}/verification`)).body.code).toBe("user_not_found");
  });

  it("refuses a change by someone who saw an older state", async () => {
    const { body } = await call("POST", "acme/users", { email: `${fresh("bob")}@example.com` });
    const path = `acme/users/${body.id}`;
    const { headers } = await call("GET", path);
    const first = await call("PATCH", path, { name: "Bob" }, { "if-match": headers.etag });
    const second = await call("PATCH", path, { name: "Bobby" }, { "if-match": headers.etag });
    expect([first.status, second.status]).toEqual([200, 412]);
    expect((await call("GET", path)).body.name).toBe("Bob");
  });

  it("pages through users, each once, and finds them by a part of address or name", async () => {
    await addFive();
    const seen: unknown[] = [];
    let cursor = "";
    do {
      const { body } = await call("GET", `paged/users?limit=2${cursor && `&cursor=${cursor}`}`);
      seen.push(...(body.items as { email: string }[]).map(({ email }) => email));
      cursor = (body.nextCursor as string | null) ?? "";
    } while (cursor !== "");
    expect(seen).toEqual(["a", "b", "c", "d", "e"].map((name) => `${name}@example.com`));
    const found = (await call("GET", "paged/users?search=%25%20OFF_")).body.items as { email: string }[];
    expect(found.map(({ email }) => email)).toEqual(["c@example.com"]);
  });

  it("takes no sixth user, and says why", async () => {
    await addFive();
    expect(await call("POST", "paged/users", { email: "f@example.com" })).toMatchObject({
      status: 409,
      body: { code: "user_limit_reached" },
    });
  });

  it.each(["short", "password123", "zed@example.com"])(
    "refuses the password %j and names the field",
    async (bad) => {
      const reply = await call("POST", "other/users", { email: "zed@example.com", password: bad });
      expect(reply).toMatchObject({ status: 422, body: { errors: [{ pointer: "/password" }] } });
      expect((await call("GET", "other/users")).body.items).toHaveLength(1);
    },
  );

  it("answers 404 for a tenant or a user that isn't there, and for one of another tenant", async () => {
    const { body } = await call("POST", "acme/users", { email: "cat@example.com" });
    expect((await call("GET", "nobody/users")).body.code).toBe("tenant_not_found");
    expect((await call("GET", `other/users/${body.id}`)).body.code).toBe("user_not_found");
    expect((await call("GET", "acme/users/usr_'or 1=1")).body.code).toBe("user_not_found");
  });
});
