import type { TenantStatus } from "@tenantry/contract";
import { afterAll, beforeAll, expect, it } from "vitest";
import { inTransaction, sql } from "../../infra/db/index.ts";
import { newId, parseId } from "../../kernel/index.ts";
import { type Composed, composedApi } from "../../testing/composed.ts";
import { fresh } from "../../testing/fresh.ts";
import { insertTestTenant } from "../../testing/tenants.ts";
import { addSystemRoute } from "../routing/index.ts";

let composed: Composed;

beforeAll(async () => {
  composed = await composedApi();
  const releaseId = newId();
  await inTransaction(composed.registry.db, async (tx) => {
    await sql`
      insert into releases (id, app_id, number, upstream_url, schema_version)
      values (${releaseId}, ${composed.sitesId}, 1, 'http://127.0.0.1:1', 0)
    `.execute(tx);
    await sql`update apps set current_release_id = ${releaseId}`.execute(tx);
  });
});
afterAll(() => composed.close());

let number = 0;

/** A tenant with its host, in some state. */
async function tenantThatIs(status: TenantStatus = "active"): Promise<string> {
  number += 1;
  const slug = `tenant-${number}-of-ours`;
  const { db } = composed.registry;
  const { tenantId, environmentId } = await insertTestTenant(db, composed.sitesId, slug);
  await sql`update tenants set status = ${status} where id = ${tenantId}`.execute(db);
  await inTransaction(db, (tx) =>
    addSystemRoute(tx, { environmentId, slug, environment: "production", rootDomain: "localhost" }),
  );
  return slug;
}

type Method = "GET" | "POST" | "PATCH" | "DELETE";

async function call(method: Method, path: string, payload?: object) {
  const reply = await composed.api.inject({
    method,
    url: `/v1/tenants${path}`,
    headers: composed.asOperator,
    ...(payload && { payload }),
  });
  return { status: reply.statusCode, body: reply.json() };
}

async function statusOf(slug: string) {
  const { body } = await call("GET", `/${slug}`);
  return body.status as TenantStatus;
}

async function redirectOf(hostname: string): Promise<string | null | undefined> {
  const { rows } = await sql<{ to: string | null }>`
    select redirect_to as to from routes where hostname = ${hostname}
  `.execute(composed.registry.db);
  return rows[0]?.to;
}

it.each([
  ["suspend", ["provisioning", "failed", "deleting", "purging"]],
  ["deactivate", ["provisioning", "failed", "deleting", "purging"]],
  ["resume", ["provisioning", "failed", "purging"]],
  ["activate", ["provisioning", "failed", "purging"]],
] as const)(
  "%s is refused for a tenant on its way in or out (%s), and changes nothing",
  async (verb, statuses) => {
    for (const status of statuses) {
      const slug = await tenantThatIs(status);
      const { status: code, body } = await call("POST", `/${slug}/${verb}`, {});
      expect([status, code, body.code]).toEqual([status, 409, "illegal_transition"]);
      expect(await statusOf(slug)).toBe(status);
    }
  },
);

it("a tenant whose deletion is undone is suspended again for the reason it was", async () => {
  const slug = await tenantThatIs();
  await call("POST", `/${slug}/suspend`, { reason: "unpaid" });
  expect((await call("DELETE", `/${slug}`)).status).toBe(202);
  const { body } = await call("POST", `/${slug}/resume`);
  expect(body).toMatchObject({ status: "suspended", statusReason: "unpaid", deleteAt: null });
});

it("deleting a tenant that is still being made is refused, with the operation to cancel first", async () => {
  const slug = `unborn-${Date.now()}`;
  const begun = await call("POST", "", { slug, name: "Unborn" });
  const { status, body } = await call("DELETE", `/${slug}?now=true`);
  expect([status, body.code, body.operationId]).toEqual([409, "illegal_transition", begun.body.id]);
  expect(body.remedy).toContain(`tenantry operation cancel ${begun.body.id}`);
  expect(await statusOf(slug)).toBe("provisioning");
});

it("deleting a tenant twice answers the one deletion that is under way", async () => {
  const slug = await tenantThatIs();
  const first = await call("DELETE", `/${slug}`);
  const { body: before } = await call("GET", `/${slug}`);
  const second = await call("DELETE", `/${slug}`);
  expect([second.status, second.body.id]).toEqual([202, first.body.id]);
  expect((await call("GET", `/${slug}`)).body.deleteAt).toBe(before.deleteAt);
});

it("deleting with now ends the grace of a deletion that waits, and the reason of a suspension survives it", async () => {
  const slug = await tenantThatIs();
  await call("POST", `/${slug}/suspend`, { reason: "unpaid" });
  const first = await call("DELETE", `/${slug}`);
  const second = await call("DELETE", `/${slug}?now=true`);
  expect([second.status, second.body.id]).toEqual([202, first.body.id]);
  const { body } = await call("GET", `/${slug}`);
  expect(Date.parse(body.deleteAt)).toBeLessThanOrEqual(Date.now());
  expect((await call("POST", `/${slug}/resume`)).body.statusReason).toBe("unpaid");
});

it("a deletion that got stuck in its grace is undone too, and doesn't stand in the way of the next", async () => {
  const slug = await tenantThatIs();
  const { body: first } = await call("DELETE", `/${slug}`);
  await sql`update operations set status = 'needs_operator' where id = ${parseId("op", first.id)!}`.execute(
    composed.registry.db,
  );
  expect((await call("POST", `/${slug}/resume`)).body.status).toBe("active");
  const { rows } = await sql`
    update operations set status = 'cancelled' where id = ${parseId("op", first.id)!} and status = 'cancelling'
    returning id
  `.execute(composed.registry.db);
  expect(rows).toHaveLength(1);
  const second = await call("DELETE", `/${slug}`);
  expect(second.status).toBe(202);
  expect(second.body.id).not.toBe(first.id);
});

it("nothing of a tenant that is being purged can be changed", async () => {
  const slug = await tenantThatIs("purging");
  const answers = [
    await call("PATCH", `/${slug}`, { name: "Another" }),
    await call("PATCH", `/${slug}/settings`, { maxUsers: 7 }),
  ];
  expect(answers.map(({ status, body }) => [status, body.code])).toEqual([
    [409, "illegal_transition"],
    [409, "illegal_transition"],
  ]);
});

it.each(["deleting", "purging"] as const)("a tenant that is %s gets no children", async (status) => {
  const parentId = await tenantThatIs(status);
  const { status: code, body } = await call("POST", "", {
    slug: `child-of-${status}`,
    name: "Child",
    parentId,
  });
  expect([code, body.errors?.[0].pointer]).toEqual([422, "/parentId"]);
});

it("a tenant can take its old slug back while that still redirects, and no chain of redirects is left", async () => {
  const old = await tenantThatIs();
  expect((await call("PATCH", `/${old}`, { slug: `${old}-new` })).status).toBe(200);
  expect(await redirectOf(`${old}.localhost`)).toBe(`${old}-new.localhost`);
  const { status, body } = await call("PATCH", `/${old}-new`, { slug: old });
  expect([status, body.environments[0].url]).toEqual([200, `http://${old}.localhost:8585/`]);
  expect(await redirectOf(`${old}.localhost`)).toBeNull();
  expect(await redirectOf(`${old}-new.localhost`)).toBe(`${old}.localhost`);
});

it("a slug whose host still redirects to another tenant is refused at its field, with one that is free", async () => {
  const old = await tenantThatIs();
  await call("PATCH", `/${old}`, { slug: `${old}-new` });
  const other = await tenantThatIs();
  const refused = [
    await call("POST", "", { slug: old, name: "Newcomer" }),
    await call("PATCH", `/${other}`, { slug: old }),
  ];
  for (const { status, body } of refused) {
    expect([status, body.code, body.suggestion]).toEqual([409, "slug_taken", `${old}-2`]);
    expect(body.errors).toEqual([{ pointer: "/slug", message: expect.stringContaining("redirects") }]);
  }
  expect(await redirectOf(`${old}.localhost`)).toBe(`${old}-new.localhost`);
});

it("of two tenants that are renamed to one slug at once, one gets it and the other is refused", async () => {
  for (let round = 0; round < 5; round += 1) {
    const [one, two] = [await tenantThatIs(), await tenantThatIs()];
    const slug = fresh("wanted-by-both");
    const answers = await Promise.all([one, two].map((from) => call("PATCH", `/${from}`, { slug })));
    const codes = answers.map(({ status, body }) => body.code ?? status).sort();
    expect(codes).toEqual([200, "slug_taken"]);
  }
});

it("a tenant with children isn't deleted", async () => {
  const parent = await tenantThatIs();
  const { body } = await call("GET", `/${parent}`);
  const child = await call("POST", "", { slug: `${parent}-child`, name: "Child", parentId: body.id });
  expect(child.status).toBe(202);
  const refused = await call("DELETE", `/${parent}`);
  expect([refused.status, refused.body.code]).toEqual([409, "has_children"]);
});

it("a tenant isn't told to belong to a region that its database doesn't stand in", async () => {
  const { db } = composed.registry;
  const slug = await tenantThatIs();
  const [server, database] = [newId(), newId()];
  await sql`
    insert into database_servers (id, name, kind, url_secret, region) values (${server}, ${slug}, 'external', '', 'eu')
  `.execute(db);
  await sql`
    insert into databases (id, server_id, app_id, level, name, schema_version, state)
    values (${database}, ${server}, ${composed.sitesId}, 'database', ${slug}, 0, 'in_use')
  `.execute(db);
  await sql`
    insert into placements (id, environment_id, kind, driver, state, generation, database_id)
    select ${newId()}, e.id, 'database', 'database', 'current', 1, ${database}
    from environments e join tenants t on t.id = e.tenant_id where t.slug = ${slug}
  `.execute(db);
  expect(await call("PATCH", `/${slug}`, { region: "us" })).toMatchObject({
    status: 422,
    body: { code: "region_unavailable", errors: [{ pointer: "/region" }] },
  });
  expect((await call("PATCH", `/${slug}`, { region: "eu" })).body.region).toBe("eu");
  expect((await call("PATCH", `/${slug}`, { region: null })).body.region).toBeNull();
});
