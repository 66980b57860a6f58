import { newId } from "../../../kernel/index.ts";
import { testRedis } from "../../../testing/redis.ts";
import { describeCacheDriver } from "../driver.testsuite.ts";
import { createRedisCacheDriver, createRedisLink } from "./index.ts";

async function open({ users, database = 0 }: { users: boolean; database?: number }) {
  const redis = await testRedis({ open: !users });
  const link = createRedisLink();
  const server = { id: newId(), url: redis.url, users, key: Buffer.alloc(32, 5) };
  return {
    driver: createRedisCacheDriver({ installationId: newId(), server, link, database }),
    // Redis goes by the machine's clock, so that what has a time gets less of it instead.
    pass: async (milliseconds: number) => {
      for (const key of (await redis.in(database, "KEYS", "*")) as string[]) {
        const left = (await redis.in(database, "PTTL", key)) as number;
        if (left >= 0) await redis.in(database, "PEXPIRE", key, String(left - milliseconds));
      }
    },
    close: async () => {
      link.close();
      await redis.stop();
    },
  };
}

describeCacheDriver("cache driver redis, a user each", () => open({ users: true }));
describeCacheDriver("cache driver redis, a numbered database each", () => open({ users: true, database: 3 }));
describeCacheDriver("cache driver redis, prefixes alone", () => open({ users: false }));
