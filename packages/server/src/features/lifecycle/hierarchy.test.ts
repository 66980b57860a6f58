import type { RuntimeSnapshot, SettingReply, TenantReply } from "@tenantry/contract";
import { afterAll, beforeAll, expect, it } from "vitest";
import { sql } from "../../infra/db/index.ts";
import { showId } from "../../kernel/index.ts";
import { type Composed, composedApi } from "../../testing/composed.ts";
import { fresh } from "../../testing/fresh.ts";
import { insertTestTenant, releaseTestApp, type TestTenant } from "../../testing/tenants.ts";

let composed: Composed;
beforeAll(async () => {
  composed = await composedApi();
  await releaseTestApp(composed.registry.db, composed.sitesId);
});
afterAll(() => composed.close());

type Method = "GET" | "POST" | "PATCH" | "DELETE";

async function call(method: Method, path: string, payload?: object) {
  const reply = await composed.api.inject({
    ...{ method, url: `/v1${path}` },
    headers: path.startsWith("/runtime") ? composed.asSites : composed.asOperator,
    ...(payload && { payload }),
  });
  return { status: reply.statusCode, body: reply.json() };
}

/** Tenants that stand one below the other, the topmost first. */
async function line(length: number): Promise<TestTenant[]> {
  const tenants: TestTenant[] = [];
  for (let level = 0; level < length; level += 1) {
    const tenant = await insertTestTenant(composed.registry.db, composed.sitesId, fresh(`level-${level}`));
    const above = tenants.at(-1);
    if (above) await moveTo(tenant, above.slug);
    tenants.push(tenant);
  }
  return tenants;
}

async function moveTo(tenant: TestTenant, parentId: string | null) {
  return call("PATCH", `/tenants/${tenant.slug}`, { parentId });
}

const show = async ({ slug }: TestTenant) => (await call("GET", `/tenants/${slug}`)).body as TenantReply;

async function snapshot(since?: string): Promise<RuntimeSnapshot> {
  return (await call("GET", `/runtime/snapshot${since ? `?since=${since}` : ""}`)).body;
}

it("a tenant gets a parent, another one and none, and is found by it [REG-6]", async () => {
  const [top, child] = (await line(2)) as [TestTenant, TestTenant];
  expect(await show(child)).toMatchObject({ parentId: showId("tnt", top.tenantId), parent: top.slug });
  const listed = await call("GET", `/tenants?parent=${top.slug}`);
  expect(listed.body.items.map(({ slug }: TenantReply) => slug)).toEqual([child.slug]);
  const [other] = (await line(1)) as [TestTenant];
  expect((await moveTo(child, showId("tnt", other.tenantId))).body).toMatchObject({ parent: other.slug });
  expect((await moveTo(child, null)).body).toMatchObject({ parentId: null, parent: null });
  expect((await call("GET", `/tenants?parent=${top.slug}`)).body.items).toEqual([]);
});

it("a tenant never comes to stand below itself", async () => {
  const [top, middle, leaf] = (await line(3)) as [TestTenant, TestTenant, TestTenant];
  for (const parent of [top, middle, leaf]) {
    const { status, body } = await moveTo(top, parent.slug);
    expect([status, body.errors?.[0].pointer]).toEqual([422, "/parentId"]);
  }
  expect(await show(top)).toMatchObject({ parentId: null });
});

it("nor by moves that operators make at once", async () => {
  for (let round = 0; round < 8; round += 1) {
    const tenants = await Promise.all([line(1), line(1), line(1)]).then((lines) => lines.flat());
    const moves = tenants.map((tenant, index) => moveTo(tenant, tenants[(index + 1) % 3]!.slug));
    const statuses = (await Promise.all(moves)).map(({ status }) => status);
    expect(statuses.sort()).toEqual([200, 200, 422]);
  }
  const { rows } = await sql`
    with recursive above as (
      select id, parent_id, 1 as steps from tenants where parent_id is not null
      union all
      select a.id, t.parent_id, a.steps + 1 from above a join tenants t on t.id = a.parent_id where a.steps < 20
    )
    select from above where id = parent_id
  `.execute(composed.registry.db);
  expect(rows).toEqual([]);
});

it("at most ten tenants stand one below the other, whichever part of the line moves", async () => {
  const [ten, two] = await Promise.all([line(10), line(2)]);
  const child = await call("POST", "/tenants", {
    slug: fresh("eleventh"),
    name: "X",
    parentId: ten[9]!.slug,
  });
  expect([child.status, child.body.errors?.[0].pointer]).toEqual([422, "/parentId"]);
  const refused = await moveTo(two[0]!, ten[8]!.slug);
  expect([refused.status, refused.body.errors[0].message]).toEqual([422, expect.stringContaining("be 11")]);
  expect((await moveTo(two[0]!, ten[7]!.slug)).status).toBe(200);
});

it("a parent of tenants isn't deleted: how many there are is told, and what to do", async () => {
  const [top, one] = (await line(2)) as [TestTenant, TestTenant];
  const [other] = (await line(1)) as [TestTenant];
  await moveTo(other, top.slug);
  const refused = await call("DELETE", `/tenants/${top.slug}`);
  expect([refused.status, refused.body]).toEqual([
    409,
    expect.objectContaining({
      ...{ code: "has_children", children: 2 },
      detail: expect.stringContaining("2 other tenants"),
      remedy: expect.stringContaining(`--parent ${top.slug}`),
    }),
  ]);
  await Promise.all([moveTo(one, null), moveTo(other, null)]);
  expect((await call("DELETE", `/tenants/${top.slug}`)).status).toBe(202);
});

it("of a parent's deletion and a move below it at once, only one happens", async () => {
  for (let round = 0; round < 5; round += 1) {
    const [parent, child] = (await Promise.all([line(1), line(1)])).flat() as [TestTenant, TestTenant];
    const [deleted, moved] = await Promise.all([
      call("DELETE", `/tenants/${parent.slug}`),
      moveTo(child, parent.slug),
    ]);
    expect([
      [202, 422],
      [409, 200],
    ]).toContainEqual([deleted.status, moved.status]);
  }
});

it("a child inherits plan, logo and settings of the nearest that has them, and tells of whom", async () => {
  const [top, middle, leaf] = (await line(3)) as [TestTenant, TestTenant, TestTenant];
  const logoUrl = "https://example.com/logo.png";
  await call("PATCH", `/tenants/${top.slug}`, { plan: "gold", logoUrl });
  await call("PATCH", `/tenants/${middle.slug}`, { plan: "silver" });
  await call("PATCH", `/tenants/${top.slug}/settings`, { maxPages: 5, maxUsers: 9 });
  await call("PATCH", `/tenants/${middle.slug}/settings`, { maxPages: 6 });
  await call("PATCH", `/tenants/${leaf.slug}/settings`, { "app.own": 1 });
  expect(await show(leaf)).toMatchObject({
    ...{ plan: null, logoUrl: null },
    inherited: { plan: { value: "silver", from: middle.slug }, logoUrl: { value: logoUrl, from: top.slug } },
  });
  expect((await show(middle)).inherited).toEqual({ plan: null, logoUrl: { value: logoUrl, from: top.slug } });
  const { items } = (await call("GET", `/tenants/${leaf.slug}/settings`)).body as { items: SettingReply[] };
  const of = (key: string) => items.find((one) => one.key === key);
  expect(of("maxPages")).toMatchObject({ value: 6, source: "parent", from: middle.slug });
  expect(of("maxUsers")).toMatchObject({ value: 9, source: "parent", from: top.slug });
  expect(of("app.own")).toMatchObject({ value: 1, source: "tenant" });
  const { environments } = await snapshot();
  const seen = environments.find(({ id }) => id === showId("env", leaf.environmentId));
  expect(seen).toMatchObject({
    plan: "silver",
    logoUrl,
    settings: { maxPages: 6, maxUsers: 9, "app.own": 1 },
  });
});

it("what changes above reaches the applications of all below at once, and nobody else", async () => {
  const [top, middle, leaf] = (await line(3)) as [TestTenant, TestTenant, TestTenant];
  const all = [top, middle, leaf].map(({ environmentId }) => showId("env", environmentId)).sort();
  const changes = [
    () => call("PATCH", `/tenants/${top.slug}/settings`, { maxPages: 7 }),
    () => call("PATCH", `/tenants/${top.slug}`, { plan: "gold" }),
  ];
  for (const change of changes) {
    const { cursor } = await snapshot();
    expect((await change()).status).toBe(200);
    const { environments } = await snapshot(cursor);
    expect(environments.map(({ id }) => id).sort()).toEqual(all);
    expect(new Set(environments.map(({ plan, settings }) => `${plan} ${settings.maxPages}`)).size).toBe(1);
  }
  const { cursor } = await snapshot();
  await moveTo(middle, null);
  const { environments } = await snapshot(cursor);
  expect(environments.map(({ plan, settings }) => [plan, settings.maxPages])).toEqual([
    [null, 100],
    [null, 100],
  ]);
});

it("a parent's admin is nobody in a child: the session is refused there, and that is told [ISO-11]", async () => {
  const [top, child] = (await line(2)) as [TestTenant, TestTenant];
  const credentials = { email: "ann@example.com", password: "correct horse battery" };
  await call("POST", `/tenants/${top.slug}/users`, { ...credentials, role: "admin" });
  const [own, foreign] = [top, child].map((one) => ({ environmentId: showId("env", one.environmentId) }));
  const login = await call("POST", "/runtime/auth/login", { ...own, ...credentials });
  expect(login.status).toBe(200);
  const { token } = login.body;
  expect((await call("POST", "/runtime/auth/session", { ...own, token })).status).toBe(200);
  const refused = await call("POST", "/runtime/auth/session", { ...foreign, token });
  expect([refused.status, refused.body.code]).toEqual([401, "session_invalid"]);
  expect((await call("POST", "/runtime/auth/login", { ...foreign, ...credentials })).status).toBe(401);
  const { rows } = await sql<{ data: { environmentId: string } }>`
    select data from events where tenant_id = ${top.tenantId} and type = 'session.used-elsewhere'
  `.execute(composed.registry.db);
  expect(rows.map(({ data }) => data.environmentId)).toEqual([foreign!.environmentId]);
});
