import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Api, RouteGroup } from "../infra/http/index.ts";
import { createTestApi } from "./api.ts";
import { badBodies } from "./bad-bodies.ts";
import { complaintAbout, describeBadInput, describeBadPath, describeBadQuery } from "./bad-input.ts";

const plain = z
  .string()
  .max(40)
  .regex(/^[\w ';<>()"/-]+$/);
const careful = z.strictObject({
  name: plain,
  size: z.number().int().min(0).max(40).optional(),
  groups: z
    .array(
      z
        .string()
        .regex(/^[a-z]{1,9}$/)
        .refine((text) => text !== "text"),
    )
    .min(1)
    .max(5),
  admin: z.strictObject({ email: z.email() }),
});
const body = { name: "Acme", size: 3, groups: ["x"], admin: { email: "a@example.com" } };

let api: Api;
const made: unknown[] = [];
beforeAll(async () => {
  const schema = (operationId: string) => ({ operationId, summary: "x", tags: ["x"] });
  const config = { permission: "tenants:write" } as const;
  const group: RouteGroup = (at) => {
    at.post("/v1/careful", { config, schema: { ...schema("a"), body: careful } }, async (request) => {
      made.push(request.body);
      return {};
    });
    at.post(
      "/v1/careless",
      { config, schema: { ...schema("b"), body: z.record(z.string(), z.any()) } },
      async (request) => {
        made.push(request.body);
        return {};
      },
    );
    at.post(
      "/v1/changing",
      { config, schema: { ...schema("c"), body: z.record(z.string(), z.any()) } },
      async (request) => {
        made.push(request.body);
        return careful.parse(request.body);
      },
    );
    at.get(
      "/v1/list",
      {
        config,
        schema: { ...schema("d"), querystring: z.strictObject({ limit: z.coerce.number().optional() }) },
      },
      async () => ({}),
    );
    at.get("/v1/list/:part", { config, schema: schema("e") }, async (_request, reply) =>
      reply.callNotFound(),
    );
  };
  api = await createTestApi({ groups: [group] });
});
afterAll(async () => api.close());

const route = {
  api: () => api,
  method: "POST",
  body,
  optional: ["/size"],
  takes: { "/name": ["SQL", "HTML"] },
  state: async () => made.length,
} as const;

describeBadInput({ ...route, url: "/v1/careful" });
describeBadPath({ ...route, method: "GET", url: (part) => `/v1/list/${part}` });
describeBadQuery({ ...route, method: "GET", url: "/v1/list", parameters: { limit: ["x", "1.5.2"] } });

describe("the suite for bad input", () => {
  it("tries every field, those inside others as well", () => {
    const tried = new Set(badBodies(route).map(({ pointer }) => pointer));
    expect([...tried].sort()).toEqual([
      "/admin",
      "/admin/email",
      "/colour",
      "/groups",
      "/groups/0",
      "/name",
      "/size",
    ]);
  });

  it("uses a body that is good itself", async () => {
    expect(careful.safeParse(body).success).toBe(true);
  });

  it("finds fault with a route that takes anything", async () => {
    for (const bad of badBodies(route)) {
      if (bad.what === "of 10 MB" || bad.what === "with NUL") continue;
      expect(await complaintAbout({ ...route, url: "/v1/careless" }, bad), bad.what).toMatch(/^It changed/);
    }
  });

  it("finds fault with a route that writes before it refuses", async () => {
    const [bad] = badBodies(route);
    expect(await complaintAbout({ ...route, url: "/v1/changing" }, bad!)).toMatch(/^It changed/);
  });

  it("finds fault with a route that breaks, and with one that names another field", async () => {
    const state = async () => 0;
    const [bad] = badBodies(route);
    expect(await complaintAbout({ ...route, state, url: "/v1/changing" }, bad!)).toMatch(/^It answered 500/);
    const other = { ...bad!, pointer: "/elsewhere" };
    expect(await complaintAbout({ ...route, url: "/v1/careful" }, other)).toMatch(/^It doesn't name/);
  });
});
