import { newId } from "../../../kernel/index.ts";
import { testRedis } from "../../../testing/redis.ts";
import { describeCacheDriver } from "../driver.testsuite.ts";
import { createRedisCacheDriver } from "./index.ts";

async function open(options: { users: boolean; database?: number }) {
  const redis = await testRedis({ open: !options.users });
  const driver = createRedisCacheDriver({ installationId: newId() });
  return {
    driver,
    server: { id: newId(), url: redis.url, users: options.users },
    database: options.database,
    // Redis goes by the machine's clock, so that what has a time gets less of it instead.
    pass: async (milliseconds: number) => {
      const database = options.database ?? 0;
      for (const key of (await redis.in(database, "KEYS", "*")) as string[]) {
        const left = (await redis.in(database, "PTTL", key)) as number;
        if (left >= 0) await redis.in(database, "PEXPIRE", key, String(left - milliseconds));
      }
    },
    close: async () => {
      await driver.close();
      await redis.stop();
    },
  };
}

describeCacheDriver("cache driver redis, a user each", () => open({ users: true }));
describeCacheDriver("cache driver redis, a numbered database each", () => open({ users: true, database: 3 }));
describeCacheDriver("cache driver redis, prefixes alone", () => open({ users: false }));
