export type { CacheDriver } from "./driver.ts";
export { createMemoryCacheDriver } from "./memory/index.ts";
export { type CacheGround, cacheProbes } from "./probes.ts";
