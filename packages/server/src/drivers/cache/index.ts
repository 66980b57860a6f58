import type { CacheDriver } from "./driver.ts";
import { createMemoryCacheDriver } from "./memory/index.ts";
import { createRedisCacheDriver } from "./redis/index.ts";

export type { CacheDriver, CachePlace, CacheServer, CacheUsage } from "./driver.ts";
export { createMemoryCacheDriver } from "./memory/index.ts";
export { type CacheServerCheck, checkCacheServer } from "./redis/check-server.ts";

export type CacheDrivers = { memory: CacheDriver; redis: CacheDriver };

export function createCacheDrivers(options: { installationId: string }): CacheDrivers {
  return { memory: createMemoryCacheDriver(), redis: createRedisCacheDriver(options) };
}
