import type { RuntimeEnvironment } from "@tenantry/contract";
import { type Cache, createMemoryStore, createRedisCaches, openMemoryCache } from "@tenantry/data";
import type { Log } from "./config.ts";
import type { Repairs } from "./repair.ts";

type Place = NonNullable<RuntimeEnvironment["cache"]>;

/** The caches of all tenants that this process serves, wherever they are. */
export type Caches = {
  open(place: Place, environmentId: string): Cache;
  /** A space that all tenants share; in this process's memory where the application has no place for it. */
  openGlobal(place: Place | undefined, name: string): Cache;
  close(): void;
};

/** What a server that is away has to say once is enough. */
const toldEveryMs = 10_000;

export function createCaches(repairs: Repairs, log: Log): Caches {
  const memory = createMemoryStore();
  /** By the places in the snapshot, which stay the same objects until they change. */
  const opened = new WeakMap<Place, Cache>();
  let toldAt = Number.NEGATIVE_INFINITY;
  const redis = createRedisCaches({
    onMissed({ prefix }, error) {
      if (performance.now() - toldAt < toldEveryMs) return;
      toldAt = performance.now();
      log.warn({ prefix, error: error.message }, "cache.missed");
    },
  });

  return {
    open(place, environmentId) {
      // A new generation begins empty: what was cached before a restore may not be true any more.
      if (place.driver === "memory") {
        return openMemoryCache({ store: memory, prefix: `${place.prefix} ${place.generation}` });
      }
      const known = opened.get(place);
      if (known) return known;
      const cache = redis.open(place, { repair: () => repairs.cache(environmentId) });
      opened.set(place, cache);
      return cache;
    },
    openGlobal(place, name) {
      // No environment's prefix has a word before its generation.
      if (place?.driver !== "redis") return openMemoryCache({ store: memory, prefix: `global ${name} 1` });
      return redis.open({ ...place, name }, { repair: repairs.globalCache });
    },
    close: () => redis.close(),
  };
}
