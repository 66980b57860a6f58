import type { Child, RuntimeSnapshot } from "@tenantry/contract";
import { afterAll, beforeAll, expect, it } from "vitest";
import { inTransaction, sql } from "../../infra/db/index.ts";
import { newId, showId } from "../../kernel/index.ts";
import { type Composed, composedApi } from "../../testing/composed.ts";
import { fresh } from "../../testing/fresh.ts";
import { insertTestApp, insertTestTenant, releaseTestApp, type TestTenant } from "../../testing/tenants.ts";
import { createApiKey } from "../access/index.ts";

let composed: Composed;
beforeAll(async () => {
  composed = await composedApi();
  await releaseTestApp(composed.registry.db, composed.sitesId);
});
afterAll(() => composed.close());

type Method = "GET" | "POST" | "PATCH" | "DELETE";

async function call(method: Method, path: string, payload?: object, headers?: { authorization: string }) {
  const reply = await composed.api.inject({
    ...{ method, url: `/v1${path}` },
    headers: headers ?? (path.startsWith("/runtime") ? composed.asSites : composed.asOperator),
    ...(payload && { payload }),
  });
  return { status: reply.statusCode, body: reply.json() };
}

const tenant = (name: string) => insertTestTenant(composed.registry.db, composed.sitesId, fresh(name));
const change = ({ slug }: TestTenant, body: object) => call("PATCH", `/tenants/${slug}`, body);

/** A tenant below another one. */
async function childOf(parent: TestTenant, body: object = {}, name = "child"): Promise<TestTenant> {
  const child = await tenant(name);
  expect(await change(child, { parentId: parent.slug, ...body })).toMatchObject({ status: 200 });
  return child;
}

const pathOf = ({ environmentId }: TestTenant) =>
  `/runtime/environments/${showId("env", environmentId)}/children`;

async function childrenOf(parent: TestTenant): Promise<Child[]> {
  const { status, body } = await call("GET", pathOf(parent));
  expect(status).toBe(200);
  return body.items;
}

const slugsBelow = async (parent: TestTenant) => (await childrenOf(parent)).map(({ slug }) => slug);

/** What a following application learns of the tenant from now on. */
async function follow({ environmentId }: TestTenant) {
  let cursor = ((await call("GET", "/runtime/snapshot")).body as RuntimeSnapshot).cursor;
  return async (): Promise<boolean | undefined> => {
    const { body } = await call("GET", `/runtime/snapshot?since=${cursor}`);
    cursor = (body as RuntimeSnapshot).cursor;
    const seen = (body as RuntimeSnapshot).environments.find(({ id }) => id === showId("env", environmentId));
    return seen?.hasChildren;
  };
}

it("a parent sees the children that let it, and nothing of the others nor of those further below [REG-6]", async () => {
  const parent = await tenant("parent");
  const open = await childOf(parent, { visibleToParent: true, plan: "gold" }, "open");
  await childOf(parent, {}, "closed");
  await childOf(open, { visibleToParent: true }, "grandchild");
  await tenant("stranger");
  const { body } = await call("GET", pathOf(parent));
  expect(body).toEqual({
    items: [{ slug: open.slug, name: `The ${open.slug} company`, status: "active", plan: "gold", url: null }],
    nextCursor: null,
  });
  expect(await slugsBelow(open)).toHaveLength(1);
});

it("a child that is made in sight is seen from the first moment, with its address and the plan it inherits", async () => {
  const parent = await tenant("parent");
  await change(parent, { plan: "silver" });
  const told = await follow(parent);
  const slug = fresh("made");
  const made = await call("POST", "/tenants", {
    ...{ slug, name: "Made", parentId: parent.slug, visibleToParent: true },
  });
  expect(made.status).toBe(202);
  expect(await childrenOf(parent)).toEqual([
    { slug, name: "Made", status: "provisioning", plan: "silver", url: `http://${slug}.localhost:8585/` },
  ]);
  expect(await told()).toBe(true);
  expect((await call("GET", `/tenants/${slug}`)).body).toMatchObject({ visibleToParent: true });
});

it("the grant is live: given, taken back, and gone with the child, each is told to the parent's application", async () => {
  const parent = await tenant("parent");
  const child = await childOf(parent);
  const told = await follow(parent);
  expect((await change(child, { visibleToParent: true })).body).toMatchObject({ visibleToParent: true });
  expect([await slugsBelow(parent), await told()]).toEqual([[child.slug], true]);
  await call("POST", `/tenants/${child.slug}/suspend`);
  expect(await childrenOf(parent)).toMatchObject([{ status: "suspended" }]);
  expect((await change(child, { visibleToParent: false })).body).toMatchObject({ visibleToParent: false });
  expect([await slugsBelow(parent), await told()]).toEqual([[], false]);
});

it("what else changes about a child in sight isn't told to the parent's application", async () => {
  const parent = await tenant("parent");
  const child = await childOf(parent, { visibleToParent: true });
  const told = await follow(parent);
  await change(child, { name: "Another", visibleToParent: true });
  expect([await told(), (await childrenOf(parent))[0]!.name]).toEqual([undefined, "Another"]);
});

it("another parent, or none, takes the grant away, unless the same change gives it anew", async () => {
  const [first, second] = [await tenant("first"), await tenant("second")];
  const child = await childOf(first, { visibleToParent: true });
  const [toldFirst, toldSecond] = [await follow(first), await follow(second)];
  expect((await change(child, { parentId: second.slug })).body).toMatchObject({ visibleToParent: false });
  expect([await slugsBelow(first), await slugsBelow(second)]).toEqual([[], []]);
  expect(await toldFirst()).toBe(false);
  // Back where it was: the old grant isn't there again.
  expect((await change(child, { parentId: first.slug })).body).toMatchObject({ visibleToParent: false });
  await change(child, { parentId: second.slug, visibleToParent: true });
  expect([await slugsBelow(first), await slugsBelow(second)]).toEqual([[], [child.slug]]);
  expect(await toldSecond()).toBe(true);
  // The parent it has already is no other one.
  expect((await change(child, { parentId: second.slug })).body).toMatchObject({ visibleToParent: true });
  expect((await change(child, { parentId: null })).body).toMatchObject({ visibleToParent: false });
  expect(await slugsBelow(second)).toEqual([]);
});

it("a node of the version before that moves a child takes the grant away, too", async () => {
  const [first, second] = [await tenant("first"), await tenant("second")];
  const child = await childOf(first, { visibleToParent: true });
  await sql`update tenants set parent_id = ${second.tenantId} where id = ${child.tenantId}`.execute(
    composed.registry.db,
  );
  expect((await call("GET", `/tenants/${child.slug}`)).body).toMatchObject({
    ...{ parent: second.slug, visibleToParent: false },
  });
  expect([await slugsBelow(first), await slugsBelow(second)]).toEqual([[], []]);
});

it("a tenant without a parent can't be seen by it: one error, at the field", async () => {
  const alone = await tenant("alone");
  const child = await childOf(await tenant("parent"));
  const refused = [
    await change(alone, { visibleToParent: true }),
    await change(child, { parentId: null, visibleToParent: true }),
    await call("POST", "/tenants", { slug: fresh("new"), name: "New", visibleToParent: true }),
  ];
  for (const { status, body } of refused) {
    expect([status, body.errors]).toEqual([
      422,
      [{ pointer: "/visibleToParent", message: "The tenant has no parent that could see it." }],
    ]);
  }
  expect((await change(alone, { visibleToParent: false })).status).toBe(200);
});

it("the change is told as every other change of a tenant", async () => {
  const child = await childOf(await tenant("parent"));
  await change(child, { visibleToParent: true });
  const { rows } = await sql<{ data: unknown }>`
    select data from events where tenant_id = ${child.tenantId} and type = 'tenant.updated' order by id desc limit 1
  `.execute(composed.registry.db);
  expect(rows).toEqual([{ data: { slug: child.slug, changed: ["visibleToParent"] } }]);
});

it("comes in pages, by slug, and of at most 200", async () => {
  const parent = await tenant("parent");
  const slugs: string[] = [];
  for (const name of ["cc", "aa", "bb"]) {
    slugs.push((await childOf(parent, { visibleToParent: true }, name)).slug);
  }
  const one = await call("GET", `${pathOf(parent)}?limit=2`);
  const two = await call("GET", `${pathOf(parent)}?limit=2&cursor=${one.body.nextCursor}`);
  const seen = [...one.body.items, ...two.body.items].map(({ slug }: Child) => slug);
  expect([seen, two.body.nextCursor]).toEqual([slugs.sort(), null]);
  const nul = Buffer.from(JSON.stringify(["a\0"])).toString("base64url");
  for (const query of [`cursor=${nul}`, "limit=201", "limit=0", "cursor=nonsense", "of=acme"]) {
    expect((await call("GET", `${pathOf(parent)}?${query}`)).status).toBe(422);
  }
});

it("answers the parent's own application alone, also of a child that runs another one", async () => {
  const { db } = composed.registry;
  const otherApp = await insertTestApp(db, fresh("other"));
  const parent = await tenant("parent");
  const child = await insertTestTenant(db, otherApp, fresh("elsewhere"));
  await change(child, { parentId: parent.slug, visibleToParent: true });
  expect(await slugsBelow(parent)).toEqual([child.slug]);
  const { key } = await inTransaction(db, (tx) =>
    createApiKey(tx, { kind: "app", appId: otherApp, name: "test" }),
  );
  const asOther = { authorization: `Bearer ${key}` };
  const answers = [
    await call("GET", pathOf(parent), undefined, asOther),
    await call("GET", pathOf({ ...parent, environmentId: newId() })),
    await call("GET", pathOf({ ...parent, environmentId: parent.tenantId })),
  ];
  for (const { status, body } of answers) {
    expect([status, body.code]).toEqual([404, "environment_not_found"]);
  }
  expect((await call("GET", pathOf(parent), undefined, composed.asOperator)).status).toBe(403);
});
