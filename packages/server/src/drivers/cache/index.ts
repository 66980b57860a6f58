export type { CacheDriver, CacheLocation, CacheUsage } from "./driver.ts";
export { createMemoryCacheDriver } from "./memory/index.ts";
export { cacheProbes } from "./probes.ts";
export { checkCacheServer } from "./redis/check-server.ts";
export { createRedisCacheDriver, createRedisLink, type RedisLink, type RedisServer } from "./redis/index.ts";
