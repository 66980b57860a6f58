import type { TenantStatus } from "@tenantry/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inTransaction, sql } from "../../infra/db/index.ts";
import { showId } from "../../kernel/index.ts";
import { type Composed, composedApi } from "../../testing/composed.ts";
import { insertTestTenant, type TestTenant } from "../../testing/tenants.ts";
import { addSystemRoute } from "../routing/index.ts";

let composed: Composed;
beforeAll(async () => {
  composed = await composedApi();
});
afterAll(() => composed.close());

let number = 0;

/** An active tenant with its host. */
async function newTenant(): Promise<TestTenant> {
  number += 1;
  const { db } = composed.registry;
  const tenant = await insertTestTenant(db, composed.sitesId, `closing-${number}`);
  const { environmentId, slug } = tenant;
  await inTransaction(db, (tx) =>
    addSystemRoute(tx, { environmentId, slug, environment: "production", rootDomain: "localhost" }),
  );
  return tenant;
}

async function call(
  method: "GET" | "PUT" | "POST" | "DELETE",
  url: string,
  payload?: object,
  headers: Record<string, string> = {},
) {
  const reply = await composed.api.inject({
    method,
    url: `/v1/tenants/${url}`,
    headers: { ...composed.asOperator, ...headers },
    ...(payload && { payload }),
  });
  return { status: reply.statusCode, etag: String(reply.headers.etag), body: reply.json() };
}

const path = (slug: string, environment = "production") => `${slug}/environments/${environment}/maintenance`;

async function routeOf({ tenantId }: TestTenant) {
  const { rows } = await sql<Record<string, unknown>>`
    select status, message, retry_after_seconds as "retryAfterSeconds" from routes where tenant_id = ${tenantId}
  `.execute(composed.registry.db);
  return rows[0];
}

async function eventsOf({ tenantId }: TestTenant) {
  const reply = await composed.api.inject({
    url: `/v1/events?tenantId=${showId("tnt", tenantId)}`,
    headers: composed.asOperator,
  });
  return (reply.json().items as { type: string; data: object; environmentid: string }[]).map(
    ({ type, data, environmentid }) => ({ type, data, environmentid }),
  );
}

const runtimeVersion = async ({ environmentId }: TestTenant) => {
  const { rows } = await sql<{ version: number }>`
    select version from environments where id = ${environmentId}
  `.execute(composed.registry.db);
  return rows[0]!.version;
};

describe("maintenance", () => {
  it("is shown by the tenant, told to gateways, applications and followers of events, and gone when it ends", async () => {
    const tenant = await newTenant();
    const { slug } = tenant;
    const untold = await runtimeVersion(tenant);
    const notice = { message: "Back at six", retryAfterSeconds: 600 };
    const { status, body } = await call("PUT", path(slug), notice);
    expect([status, body.status]).toEqual([200, "active"]);
    expect(body.environments).toMatchObject([{ status: "maintenance", maintenance: notice }]);
    expect(await routeOf(tenant)).toEqual({ status: "maintenance", ...notice });
    const told = await runtimeVersion(tenant);
    expect(told).toBeGreaterThan(untold);

    const ended = await call("DELETE", path(slug));
    expect(ended.body.environments).toMatchObject([{ status: "ready", maintenance: null }]);
    expect(await routeOf(tenant)).toEqual({ status: "active", message: null, retryAfterSeconds: null });
    expect(await runtimeVersion(tenant)).toBeGreaterThan(told);
    const environmentid = showId("env", tenant.environmentId);
    const data = { slug, environment: "production" };
    expect(await eventsOf(tenant)).toEqual([
      {
        type: "tenantry.environment.maintenance-started",
        data: { ...data, message: "Back at six" },
        environmentid,
      },
      { type: "tenantry.environment.maintenance-ended", data, environmentid },
    ]);
  });

  it("changes nothing when it is begun or ended twice, and shows another message when it gets one", async () => {
    const tenant = await newTenant();
    const { slug } = tenant;
    const never = await call("DELETE", path(slug));
    expect([never.status, await eventsOf(tenant)]).toEqual([200, []]);
    const first = await call("PUT", path(slug), { message: "Back at six" });
    const second = await call("PUT", path(slug), { message: "Back at six" });
    expect([second.status, second.etag]).toEqual([200, first.etag]);
    expect(await eventsOf(tenant)).toHaveLength(1);
    await call("PUT", path(slug));
    expect(await routeOf(tenant)).toMatchObject({ status: "maintenance", message: null });
    expect(await eventsOf(tenant)).toHaveLength(2);
    await call("DELETE", path(slug));
    await call("DELETE", path(slug));
    expect(await eventsOf(tenant)).toHaveLength(3);
  });

  it("is begun and ended only from the revision that was seen", async () => {
    const { slug } = await newTenant();
    const { etag } = await call("GET", slug);
    const begun = await call("PUT", path(slug), {}, { "if-match": etag });
    expect([begun.status, begun.etag === etag]).toEqual([200, false]);
    expect(await call("DELETE", path(slug), undefined, { "if-match": etag })).toMatchObject({
      status: 412,
      body: { code: "precondition_failed" },
    });
    expect((await call("DELETE", path(slug), undefined, { "if-match": begun.etag })).status).toBe(200);
  });

  it("of a suspended tenant shows once it is resumed, and outlives the undoing of a deletion", async () => {
    const tenant = await newTenant();
    const { slug } = tenant;
    await call("POST", `${slug}/suspend`, {});
    expect((await call("PUT", path(slug), { message: "Moving" })).status).toBe(200);
    expect(await routeOf(tenant)).toMatchObject({ status: "suspended" });
    await call("POST", `${slug}/resume`);
    expect(await routeOf(tenant)).toMatchObject({ status: "maintenance", message: "Moving" });
    await call("POST", `${slug}/suspend`, {});
    await call("DELETE", path(slug));
    expect(await routeOf(tenant)).toMatchObject({ status: "suspended" });

    await call("PUT", path(slug), { message: "Moving" });
    await call("POST", `${slug}/resume`);
    await call("DELETE", slug);
    expect(await routeOf(tenant)).toMatchObject({ status: "deleted" });
    await call("POST", `${slug}/resume`);
    expect(await routeOf(tenant)).toMatchObject({ status: "maintenance", message: "Moving" });
  });

  it("is begun while an operation is at work in the environment", async () => {
    const tenant = await newTenant();
    await sql`
      insert into operations (id, kind, definition_version, tenant_id, environment_id, status)
      values (gen_random_uuid(), 'test', 1, ${tenant.tenantId}, ${tenant.environmentId}, 'running')
    `.execute(composed.registry.db);
    expect((await call("PUT", path(tenant.slug))).status).toBe(200);
    expect(await routeOf(tenant)).toMatchObject({ status: "maintenance" });
  });

  it.each(["provisioning", "failed", "deleting", "purging"] as const)(
    "is refused for a tenant that is %s, and changes nothing",
    async (status: TenantStatus) => {
      const tenant = await newTenant();
      await sql`update tenants set status = ${status} where id = ${tenant.tenantId}`.execute(
        composed.registry.db,
      );
      for (const method of ["PUT", "DELETE"] as const) {
        expect(await call(method, path(tenant.slug))).toMatchObject({
          status: 409,
          body: { code: "illegal_transition" },
        });
      }
      expect(await eventsOf(tenant)).toEqual([]);
    },
  );

  it("is refused for an environment that the tenant doesn't have", async () => {
    const { slug } = await newTenant();
    for (const name of ["staging", "nonsense"]) {
      expect(await call("PUT", path(slug, name))).toMatchObject({
        status: 404,
        body: { code: "environment_not_found" },
      });
    }
  });
});
