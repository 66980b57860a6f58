import { afterAll, beforeAll, expect, it } from "vitest";
import { failure } from "../../kernel/index.ts";
import { asOperator, createTestApi } from "../../testing/api.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import type { Api, RouteGroup } from "./index.ts";

const read = { permission: "tenants:read" } as const;
const write = { permission: "tenants:write" } as const;
const schema = (operationId: string) => ({ operationId, summary: operationId, tags: ["things"] });

const things: RouteGroup = (api) => {
  api.post("/v1/things", { config: write, schema: schema("createThing") }, async () => ({ made: true }));
  api.post("/v1/refusals", { config: write, schema: schema("refuseThing") }, async () => {
    throw failure("tenant_not_found");
  });
  api.get("/v1/things", { config: read, schema: schema("listThings") }, async () => ({ items: [] }));
  const settled = { ...read, settled: true };
  api.get("/v1/things/one", { config: settled, schema: schema("showThing") }, async () => ({ id: "one" }));
};

let api: Api;
let asked = 0;
let settle: PromiseWithResolvers<void>;
beforeAll(async () => {
  api = await createTestApi({
    groups: [things],
    settled: () => {
      asked += 1;
      settle = Promise.withResolvers();
      return settle.promise;
    },
  });
});
afterAll(() => api?.close());

it.each([
  ["a change", "POST", "/v1/things"],
  ["what its route marks", "GET", "/v1/things/one"],
] as const)("the reply to %s leaves once it holds everywhere", async (_what, method, url) => {
  const before = asked;
  let isThere = false;
  const reply = api.inject({ method, url, headers: asOperator }).then((answer) => {
    isThere = true;
    return answer;
  });
  await waitUntil("it is asked whether it holds", () => asked === before + 1);
  expect(isThere).toBe(false);
  settle.resolve();
  expect((await reply).statusCode).toBe(200);
});

it.each([
  ["another read", "GET", "/v1/things", 200],
  ["a refusal", "POST", "/v1/refusals", 404],
] as const)("the reply to %s waits for nothing", async (_what, method, url, status) => {
  const before = asked;
  expect((await api.inject({ method, url, headers: asOperator })).statusCode).toBe(status);
  expect(asked).toBe(before);
});
