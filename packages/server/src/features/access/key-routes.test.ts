import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sql } from "../../infra/db/index.ts";
import { type Api, bearerKey } from "../../infra/http/index.ts";
import { failure, showId } from "../../kernel/index.ts";
import { asOperator, createTestApi } from "../../testing/api.ts";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { insertTestApp } from "../../testing/tenants.ts";
import { createKeyCheck, keyRoutes } from "./index.ts";

let registry: TestRegistry;
let api: Api;
let appId: string;
beforeAll(async () => {
  registry = await testRegistry();
  const { db } = registry;
  appId = await insertTestApp(db, "sites");
  api = await createTestApi({
    groups: [
      keyRoutes({
        db,
        findAppId: async (_tx, name) => {
          if (name !== "sites")
            throw failure("app_not_found", { errors: [{ pointer: "/app", message: "None." }] });
          return appId;
        },
      }),
    ],
  });
});
afterAll(async () => {
  await api.close();
  await registry.close();
});

async function create(payload: object, headers = {}) {
  const reply = await api.inject({
    method: "POST",
    url: "/v1/keys",
    headers: { ...asOperator, ...headers },
    payload,
  });
  return { status: reply.statusCode, headers: reply.headers, body: reply.json() as Record<string, string> };
}

async function listed(query = "") {
  const reply = await api.inject({ url: `/v1/keys${query}`, headers: asOperator });
  return reply.json() as { items: Record<string, string>[]; nextCursor: string | null };
}

describe("the API of keys", () => {
  it("shows a new key once: lists have its hint alone", async () => {
    const { status, body } = await create({ kind: "operator", name: "deploy" });
    expect(status).toBe(201);
    expect(await createKeyCheck(registry.db)(body.key)).toMatchObject({ kind: "operator" });
    const { items } = await listed();
    expect(items[0]).toMatchObject({ id: body.id, name: "deploy", hint: body.hint, appId: null });
    expect(JSON.stringify(items)).not.toContain(body.key);
  });

  it("makes keys that speak for one application", async () => {
    const { body } = await create({ kind: "app", name: "web", app: "sites" });
    expect(body.appId).toBe(showId("app", appId));
    expect(await createKeyCheck(registry.db)(body.key)).toMatchObject({ kind: "app", appId });
    expect((await create({ kind: "app", name: "web", app: "other" })).status).toBe(404);
  });

  it("shows a new key again to whoever repeats the request under the same idempotency key", async () => {
    const first = await create({ kind: "operator", name: "x" }, { "idempotency-key": "1" });
    const again = await create({ kind: "operator", name: "x" }, { "idempotency-key": "1" });
    expect(again.body).toEqual(first.body);
  });

  it("lists newest first, page by page", async () => {
    for (const name of ["1", "2", "3"]) await create({ kind: "operator", name });
    const first = await listed("?limit=2");
    const second = await listed(`?limit=1&cursor=${first.nextCursor}`);
    expect([...first.items, ...second.items].map(({ name }) => name)).toEqual(["3", "2", "1"]);
  });

  it("ends a key, but never the last operator's", async () => {
    await sql`update api_keys set revoked_at = now()`.execute(registry.db);
    const first = await create({ kind: "operator", name: "first" });
    const second = await create({ kind: "operator", name: "second" });
    const end = (id: string) => api.inject({ method: "DELETE", url: `/v1/keys/${id}`, headers: asOperator });
    expect((await end(first.body.id!)).statusCode).toBe(204);
    expect((await end(first.body.id!)).statusCode).toBe(404);
    expect((await end(second.body.id!)).json()).toMatchObject({ status: 409, code: "illegal_transition" });
    expect(await createKeyCheck(registry.db)(first.body.key)).toBeUndefined();
    expect((await listed()).items.map(({ name }) => name)).toEqual(["second"]);
  });

  it("is no business of an application's key", async () => {
    const appApi = await createTestApi({
      authenticate: async (request) =>
        bearerKey(request) ? { kind: "app", keyId: appId, appId } : undefined,
      groups: [keyRoutes({ db: registry.db, findAppId: async () => appId })],
    });
    const reply = await appApi.inject({ url: "/v1/keys", headers: asOperator });
    expect(reply.json()).toMatchObject({ status: 403, code: "forbidden" });
    await appApi.close();
  });
});
