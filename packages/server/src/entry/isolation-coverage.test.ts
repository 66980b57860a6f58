import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { everyProbe, operatorRoutesOf, probes, unprobedOperations } from "../features/isolation/index.ts";
import { reservedPaths } from "../gateway/index.ts";
import { type Composed, composedApi } from "../testing/composed.ts";

let composed: Composed;
beforeAll(async () => {
  composed = await composedApi();
});
afterAll(async () => composed.close());

/** `GET /v1/tenants/{tenant}` → its operation, of all that the API describes. */
async function described(): Promise<Map<string, string>> {
  const reply = await composed.api.inject({ url: "/openapi.json", headers: { host: "localhost" } });
  const { paths } = reply.json<{ paths: Record<string, Record<string, { operationId: string }>> }>();
  return new Map(
    Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { operationId }]) => [
        `${method.toUpperCase()} ${path}`,
        operationId,
      ]),
    ),
  );
}

const covered = probes.runtime.flatMap(({ covers }) => covers);

describe("a route of the API", () => {
  it("is tried as an operator's, has a probe of its own, or is listed with a reason", async () => {
    const asOperators = new Set(
      operatorRoutesOf(composed.api).map(({ method, url }) => `${method} ${url.replace(/:(\w+)/g, "{$1}")}`),
    );
    const left = [...(await described())].filter(
      ([route, operation]) =>
        !asOperators.has(route) && !covered.includes(operation) && !(operation in unprobedOperations),
    );
    // Write a probe in features/isolation/probes/, or say in unprobedOperations why none is needed.
    expect(left).toEqual([]);
  });

  it("that is probed, or excused, exists", async () => {
    const known = new Set((await described()).values());
    expect(
      [...covered, ...Object.keys(unprobedOperations)].filter((operation) => !known.has(operation)),
    ).toEqual([]);
  });

  it("needs no key only where it tells nothing of tenants", () => {
    const open = composed.api.knownRoutes.filter(({ permission }) => permission === "public");
    expect(open.map(({ url }) => url).filter((url) => /tenant|environment|:\w/.test(url))).toEqual([]);
  });
});

describe("a path that the gateway keeps for itself", () => {
  it("is known to the probes of the gateway", () => {
    // gateway.reserved-paths asks for health; `ready` is the same for every host.
    expect([...reservedPaths].sort()).toEqual(["/_tenantry/health", "/_tenantry/ready"]);
  });
});

describe("a probe", () => {
  it("has an id of its own, and says what it tries and what to do", () => {
    const all = everyProbe();
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    for (const { id, title, remedy } of all) {
      expect(id).toMatch(/^[a-z]+\.[a-z0-9-]+$/);
      expect(title.length, id).toBeGreaterThan(10);
      expect(remedy.length, id).toBeGreaterThan(10);
    }
  });
});
