import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { failure } from "../../kernel/index.ts";
import { asOperator, createTestApi } from "../../testing/api.ts";
import type { Api, RouteGroup } from "./index.ts";

const things: RouteGroup = (api) => {
  api.post(
    "/v1/things",
    {
      config: { permission: "tenants:write" },
      schema: {
        operationId: "createThing",
        summary: "Create a thing",
        tags: ["things"],
        body: z.strictObject({
          slug: z.string().min(1).max(20),
          size: z.number().int().optional(),
          admin: z.strictObject({ email: z.email() }).optional(),
        }),
        response: { 201: z.object({ slug: z.string() }) },
      },
    },
    async (request, reply) => reply.code(201).send({ slug: request.body.slug }),
  );
  api.get(
    "/v1/things/:thing",
    {
      config: { permission: "tenants:read" },
      schema: { operationId: "showThing", summary: "Show a thing", tags: ["things"] },
    },
    async (request) => {
      const { thing } = request.params as { thing: string };
      if (thing === "broken") throw new Error("password=hunter2");
      throw failure("tenant_not_found", { extra: { asked: thing } });
    },
  );
};

let api: Api;
beforeAll(async () => {
  api = await createTestApi({ groups: [things] });
});
afterAll(async () => api.close());

type Sent = { statusCode: number; headers: Record<string, unknown>; json(): Record<string, unknown> };

function expectProblem(reply: Sent, status: number, code: string): Record<string, unknown> {
  const problem = reply.json();
  expect({ status: reply.statusCode, code: problem.code }).toEqual({ status, code });
  expect(reply.headers["content-type"]).toBe("application/problem+json");
  expect(problem).toMatchObject({ status, type: `https://tenantry.dev/errors/${code}` });
  expect(problem.requestId).toBe(reply.headers["tenantry-request-id"]);
  expect(problem.title).toEqual(expect.any(String));
  return problem;
}

const post = (payload: unknown, headers: Record<string, string> = {}) =>
  api.inject({
    method: "POST",
    url: "/v1/things",
    headers: { ...asOperator, "content-type": "application/json", ...headers },
    payload: payload as string,
  });

describe("what the API refuses", () => {
  it("names every field that has a mistake by its JSON pointer", async () => {
    const reply = await post({ slug: 7, size: "x", admin: { email: "no" }, colour: "red" });
    const { errors } = expectProblem(reply, 422, "invalid_request");
    const pointers = (errors as { pointer: string }[]).map(({ pointer }) => pointer);
    expect(pointers.sort()).toEqual(["/admin/email", "/colour", "/size", "/slug"]);
  });

  it("says that a field is missing", async () => {
    const { errors } = expectProblem(await post({}), 422, "invalid_request");
    expect(errors).toEqual([{ pointer: "/slug", message: "This is needed." }]);
  });

  it("names the body itself when there is none", async () => {
    const { detail } = expectProblem(await post(""), 422, "invalid_request");
    expect(detail).toBe("The body: This is needed.");
  });

  it("answers broken JSON with 400 and doesn't echo it", async () => {
    const reply = await post('{"slug": <script>');
    expectProblem(reply, 400, "malformed_request");
    expect(reply.body).not.toContain("script");
  });

  it.each([
    ["text/plain", "slug=x"],
    ["application/x-www-form-urlencoded", "slug=x"],
    ["application/xml", "<slug/>"],
  ])("answers a body of %s with 415", async (type, payload) => {
    expectProblem(await post(payload, { "content-type": type }), 415, "unsupported_media_type");
  });

  it("answers more than 1 MiB with 413", async () => {
    expectProblem(await post({ slug: "x".repeat(1024 * 1024) }), 413, "payload_too_large");
  });

  it("answers an unknown route with 404", async () => {
    expectProblem(await api.inject({ url: "/v1/nowhere" }), 404, "not_found");
  });

  it("answers a known route's wrong method with 405 and says which are allowed", async () => {
    const reply = await api.inject({ method: "PUT", url: "/v1/things/x" });
    expectProblem(reply, 405, "method_not_allowed");
    expect(reply.headers.allow).toBe("GET, HEAD");
  });

  it("passes an error of the catalogue on with its own members", async () => {
    const reply = await api.inject({ url: "/v1/things/x", headers: asOperator });
    expect(expectProblem(reply, 404, "tenant_not_found")).toMatchObject({ asked: "x" });
  });

  it("leaks nothing of an error it doesn't know", async () => {
    const reply = await api.inject({ url: "/v1/things/broken", headers: asOperator });
    expectProblem(reply, 500, "internal");
    expect(reply.body).not.toContain("hunter2");
  });

  it("wants a key where a route needs a permission", async () => {
    const reply = await api.inject({ url: "/v1/things/x" });
    expectProblem(reply, 401, "unauthenticated");
    expect(reply.headers["www-authenticate"]).toBe('Bearer realm="tenantry"');
  });
});

describe("what a route owes", () => {
  const schema = { operationId: "x", summary: "x", tags: ["x"] };
  it.each<[string, RouteGroup]>([
    ["declares no permission", (at) => void at.get("/v1/x", { schema }, async () => "x")],
    [
      "has no `schema.operationId`",
      (at) => void at.get("/v1/x", { config: { permission: "public" } }, async () => "x"),
    ],
    [
      "accepts unknown fields in its body/inner",
      (at) =>
        void at.post(
          "/v1/x",
          {
            config: { permission: "public" },
            schema: { ...schema, body: z.strictObject({ inner: z.object({ a: z.string() }) }) },
          },
          async () => "x",
        ),
    ],
  ])("a route that %s makes the start fail", async (message, group) => {
    await expect(createTestApi({ groups: [group] })).rejects.toThrow(message);
  });
});
