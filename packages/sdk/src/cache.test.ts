import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type TestRedis, testRedis } from "../../server/src/testing/redis.ts";
import { waitUntil } from "../../server/src/testing/wait-until.ts";
import { createTenantry, type Tenantry } from "./index.ts";
import { type TestInstallation, testInstallation } from "./testing/installation.ts";

const silent = { info() {}, warn() {} };
let redis: TestRedis;
let installation: TestInstallation;
let tenantry: Tenantry;
let count = 0;

beforeAll(async () => {
  redis = await testRedis();
});
afterAll(() => redis.stop());
beforeEach(async () => {
  installation = await testInstallation();
  tenantry = createTenantry({ url: installation.url, appKey: installation.appKey, log: silent });
});
afterEach(async () => {
  await tenantry.close();
  installation.stop();
});

/** A place in Redis with a user of its own. */
async function placeInRedis() {
  count += 1;
  const prefix = `tnk_sdk_${count}`;
  await letIn(prefix);
  const url = `redis://${prefix}:pw@127.0.0.1:${redis.port}`;
  return { driver: "redis", url, prefix, generation: 1 } as const;
}

const letIn = (prefix: string) =>
  redis.ask("ACL", "SETUSER", prefix, "reset", "on", ">pw", `~${prefix}:*`, "+@all", "-@dangerous");

const add = async (slug: string) => installation.addTenant(slug, { cache: await placeInRedis() });

test("the same code gives each tenant its own cache in Redis, and a suspended one none", async () => {
  const [acme, bolt] = [await add("acme"), await add("bolt")];
  await Promise.all(
    [acme, bolt].map(({ id, tenantSlug }) => tenantry.run(id, () => tenantry.cache.set("who", tenantSlug))),
  );
  for (const { id, tenantSlug } of [acme, bolt, acme]) {
    expect(await tenantry.run(id, () => tenantry.cache.get("who"))).toBe(tenantSlug);
  }
  installation.change(acme.id, { tenantStatus: "suspended" });
  await waitUntil("the suspension is known", () =>
    tenantry
      .run(acme.id, () => tenantry.cache.get("who"))
      .then(
        () => false,
        (error: { code: string }) => error.code === "environment_suspended",
      ),
  );
  expect(await tenantry.run(bolt.id, () => tenantry.cache.get("who"))).toBe("bolt");
});

test("a user that Redis has forgotten is made again by asking the installation", async () => {
  const acme = await add("acme");
  const { prefix } = acme.cache as { prefix: string };
  const asked: string[] = [];
  installation.repair = async (environmentId) => {
    asked.push(environmentId);
    await letIn(prefix);
  };
  await tenantry.run(acme.id, () => tenantry.cache.set("a", 1));
  await redis.ask("ACL", "DELUSER", prefix);
  expect(await tenantry.run(acme.id, () => tenantry.cache.get("a"))).toBe(1);
  expect(asked).toEqual([acme.id]);
});

test("a global space is asked for by name, works outside of a tenant, and is no tenant's", async () => {
  const acme = await add("acme");
  installation.registry.globalCache = await placeInRedis();
  await tenantry.ready();
  const rates = tenantry.cache.global("rates");
  await rates.set("EUR", 1.1);
  expect(await tenantry.run(acme.id, () => tenantry.cache.global("rates").get("EUR"))).toBe(1.1);
  expect(await tenantry.run(acme.id, () => tenantry.cache.get("EUR"))).toBeUndefined();
  expect(await tenantry.cache.global("prices").get("EUR")).toBeUndefined();
  await expect(tenantry.cache.get("EUR")).rejects.toMatchObject({ code: "tenant_context_missing" });
  expect(() => tenantry.cache.global("no: name")).toThrow(/name of a global cache/);
  const other = createTenantry({ url: installation.url, appKey: installation.appKey, log: silent });
  await other.ready();
  expect(await other.cache.global("rates").get("EUR")).toBe(1.1);
  await other.close();
});

test("where the application has no place for it, a global space is this process's own", async () => {
  const acme = installation.addTenant("acme", { cache: { driver: "memory", prefix: "acme", generation: 1 } });
  await tenantry.ready();
  await tenantry.cache.global("rates").set("EUR", 1.1);
  expect(await tenantry.run(acme.id, () => tenantry.cache.global("rates").increment("n"))).toBe(1);
  expect(await tenantry.cache.global("rates").get("EUR")).toBe(1.1);
  expect(await tenantry.run(acme.id, () => tenantry.cache.get("EUR"))).toBeUndefined();
});
