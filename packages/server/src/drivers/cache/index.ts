export type { CacheDriver } from "./driver.ts";
export { createMemoryCacheDriver } from "./memory/index.ts";
