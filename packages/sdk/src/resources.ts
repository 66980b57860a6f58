import type { RuntimeEnvironment } from "@tenantry/contract";
import { type Cache, createMemoryStore, openFsStorage, openMemoryCache, type Storage } from "@tenantry/data";
import { EnvironmentUnavailable } from "./errors.ts";

/** What this process holds of all tenants' places, and how one environment's is reached. */
export type Resources = {
  storage(environment: RuntimeEnvironment): Storage;
  cache(environment: RuntimeEnvironment): Cache;
};

export function createResources(): Resources {
  const memory = createMemoryStore();
  return {
    storage({ storage, tenantSlug }) {
      if (!storage) throw new EnvironmentUnavailable(tenantSlug, "it has no storage yet");
      return openFsStorage(storage.directory);
    },
    cache({ cache, tenantSlug }) {
      if (!cache) throw new EnvironmentUnavailable(tenantSlug, "it has no cache yet");
      // A new generation begins empty: what was cached before a restore may not be true any more.
      return openMemoryCache({ store: memory, prefix: `${cache.prefix} ${cache.generation}` });
    },
  };
}
