import { afterAll, beforeAll, expect, it } from "vitest";
import type { Api } from "../../infra/http/index.ts";
import { newId, showId } from "../../kernel/index.ts";
import { asOperator, createTestApi } from "../../testing/api.ts";
import { replyWithNewTenant } from "./tenant-reply.ts";

const made = { tenantId: newId(), operationId: newId() };
const operation = { id: showId("op", made.operationId), status: "succeeded" } as never;

let api: Api;
beforeAll(async () => {
  const deps = { db: undefined as never, publicUrl: undefined as never };
  const operations = { show: async () => operation, waitForEnd: async () => operation };
  api = await createTestApi({
    groups: [
      (at) => {
        at.post(
          "/v1/things",
          {
            config: { permission: "tenants:write" },
            schema: { operationId: "makeThing", summary: "Make", tags: ["test"] },
          },
          async (request, reply) => replyWithNewTenant({ ...deps, operations }, request, reply, made),
        );
      },
    ],
  });
});
afterAll(() => api.close());

it("who doesn't wait gets the operation, also when it was quicker than the answer", async () => {
  const reply = await api.inject({ method: "POST", url: "/v1/things", headers: asOperator });
  expect([reply.statusCode, reply.json(), reply.headers.location]).toEqual([
    202,
    operation,
    `/v1/operations/${showId("op", made.operationId)}`,
  ]);
});
