import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "../../../kernel/index.ts";
import { testContext } from "../../../testing/driver-context.ts";
import { type TestRedis, testRedis } from "../../../testing/redis.ts";
import { type CacheGround, cacheProbes } from "../probes.ts";
import { createRedisCacheDriver, createRedisLink, type RedisLink } from "./index.ts";

let redis: TestRedis;
let link: RedisLink;
beforeAll(async () => {
  redis = await testRedis();
  link = createRedisLink();
});
afterAll(async () => {
  link.close();
  await redis.stop();
});

/** Two canaries' caches, there. */
async function ground(server = redis, users = true): Promise<CacheGround> {
  const driver = createRedisCacheDriver({
    installationId: newId(),
    server: { id: newId(), url: server.url, users, key: Buffer.alloc(32, 5) },
    link,
  });
  const made = async () => {
    const environmentId = newId();
    const physicalName = driver.nameFor(environmentId);
    await driver.provision(testContext(), physicalName, environmentId);
    return { environmentId, physicalName, generation: 1 };
  };
  return { driver, from: await made(), to: await made(), signal: new AbortController().signal };
}

async function outcomes(between: CacheGround): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const probe of cacheProbes) found[probe.id] = (await probe.run(between)).outcome;
  return found;
}

const all = {
  "cache.other-key": "refused",
  "cache.flush": "refused",
  "cache.redis-keys": "refused",
  "cache.redis-server": "refused",
};

test("two users of one Redis are refused whatever the probes try", async () => {
  expect(await outcomes(await ground())).toEqual(all);
});

test.each([
  ["~*", "cache.redis-keys"],
  ["&*", "cache.redis-keys"],
  ["+scan", "cache.redis-server"],
  ["+dbsize", "cache.redis-server"],
  ["+eval", "cache.redis-server"],
  ["+@all", "cache.redis-server"],
])("a user that was given %s is found by %s", async (rule, probe) => {
  const between = await ground();
  await redis.ask("ACL", "SETUSER", between.from.physicalName, rule);
  expect(await outcomes(between)).toEqual({ ...all, [probe]: "breach" });
});

test("where the server keeps no users apart, what users couldn't do isn't claimed", async () => {
  const open = await testRedis({ open: true });
  const skipped = { "cache.redis-keys": "skipped", "cache.redis-server": "skipped" };
  expect(await outcomes(await ground(open, false))).toEqual({ ...all, ...skipped });
  await open.stop();
});
