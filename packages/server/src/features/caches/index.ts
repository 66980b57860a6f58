/** Redis servers that caches stand on, where a new cache goes, and what keeps those that stand in order [ISO-8]. */
export { admitCache, type CarriedCache, carryCache } from "./carry-cache.ts";
export { type CacheOn, type CachePlaces, createCachePlaces } from "./places.ts";
export { cacheRoutes } from "./routes.ts";
export { findCacheServer } from "./servers.ts";
export { type CacheUpkeep, createCacheUpkeep } from "./upkeep.ts";
