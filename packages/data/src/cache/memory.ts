import type { Cache } from "./cache.ts";
import { addTo, checkCacheKey, checkIncrement, checkTtl, serialize } from "./check.ts";
import type { MemoryStore } from "./memory-store.ts";

/**
 * The cache of one environment in this process's memory. `prefix` names the environment and its generation: whoever
 * opens with another one sees another cache. For applications that run as a single process.
 */
export function openMemoryCache(options: { store: MemoryStore; prefix: string }): Cache {
  const { store, prefix } = options;
  return {
    async get<Value>(key: string) {
      checkCacheKey(key);
      const text = store.get(prefix, key);
      return text === undefined ? undefined : (JSON.parse(text) as Value);
    },
    async set(key, value, { ttlSeconds } = {}) {
      checkCacheKey(key);
      const ttlMs = checkTtl(ttlSeconds);
      store.set(prefix, key, serialize(key, value, store.maxValueBytes), ttlMs);
    },
    async delete(key) {
      checkCacheKey(key);
      return store.delete(prefix, key);
    },
    async has(key) {
      checkCacheKey(key);
      return store.get(prefix, key) !== undefined;
    },
    async increment(key, { by = 1, ttlSeconds } = {}) {
      checkCacheKey(key);
      const ttlMs = checkTtl(ttlSeconds);
      const stored = store.get(prefix, key);
      const sum = addTo(key, stored, checkIncrement(by));
      store.set(prefix, key, String(sum), stored === undefined ? ttlMs : "keep");
      return sum;
    },
    async flush() {
      store.flush(prefix);
    },
  };
}
