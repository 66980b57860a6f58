import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { asOperator, createTestApi } from "../../testing/api.ts";
import type { Api } from "./index.ts";
import { createBuckets } from "./rate-limit.ts";

describe("rate limits", () => {
  let api: Api;
  beforeEach(async () => {
    api = await createTestApi({
      rateLimits: { perPrincipal: 5, perAddress: 2 },
      groups: [
        (at) => {
          at.get(
            "/v1/x",
            {
              config: { permission: "tenants:read" },
              schema: { operationId: "x", summary: "x", tags: ["x"] },
            },
            async () => ({}),
          );
        },
      ],
    });
  });
  afterEach(async () => api.close());

  it("tell a key what it has left, and then when to come back", async () => {
    const replies = [];
    for (let count = 0; count < 6; count += 1)
      replies.push(await api.inject({ url: "/v1/x", headers: asOperator }));
    expect(replies.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 200, 200, 429]);
    expect(replies[0]!.headers["ratelimit-policy"]).toBe('"principal";q=5;w=60');
    expect(replies[0]!.headers.ratelimit).toMatch(/^"principal";r=4;t=12$/);
    expect(replies[5]!.headers.ratelimit).toMatch(/^"principal";r=0;t=1[12]$/);
    expect(Number(replies[5]!.headers["retry-after"])).toBeGreaterThan(10);
    expect(replies[5]!.json()).toMatchObject({ code: "too_many_requests" });
  });

  it("count who shows no good key by address, apart from good keys", async () => {
    const at = (remoteAddress: string) => api.inject({ url: "/v1/x", remoteAddress });
    expect((await at("192.0.2.1")).statusCode).toBe(401);
    expect((await at("192.0.2.1")).statusCode).toBe(401);
    expect((await at("192.0.2.1")).statusCode).toBe(429);
    expect((await at("192.0.2.2")).statusCode).toBe(401);
  });

  it("leave out what watches the process", async () => {
    for (let count = 0; count < 10; count += 1) expect((await api.inject("/healthz")).statusCode).toBe(200);
  });

  it("refill evenly", () => {
    let now = 0;
    const take = createBuckets(60, () => now);
    for (let count = 0; count < 60; count += 1) expect(take("a").allowed).toBe(true);
    expect(take("a")).toEqual({ allowed: false, remaining: 0, resetSeconds: 1 });
    now = 999;
    expect(take("a").allowed).toBe(false);
    now = 1_001;
    expect(take("a").allowed).toBe(true);
    expect(take("a").allowed).toBe(false);
    now = 1_000_000;
    expect(take("a").remaining).toBe(59);
  });
});
