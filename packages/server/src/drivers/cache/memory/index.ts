import { createMemoryStore, type MemoryStoreOptions, openMemoryCache } from "@tenantry/data";
import { encodeUuid } from "../../../kernel/index.ts";
import type { CacheDriver } from "../driver.ts";

/**
 * Caches in the memory of the process that uses them. Nothing is made, so nothing is left; another process of the same
 * application has a cache of its own, and a new generation, which applications learn from their snapshot, is what
 * flushes them all.
 */
export function createMemoryCacheDriver(options: MemoryStoreOptions = {}): CacheDriver {
  const store = createMemoryStore(options);
  /** The prefixes used here, by physical name. */
  const used = new Map<string, Set<string>>();

  return {
    driver: "memory",
    makesNothing: true,
    nameFor: encodeUuid,
    provision: (context) => context.assertLease(),
    handle(physicalName, generation) {
      const prefix = `${physicalName} ${generation}`;
      used.set(physicalName, (used.get(physicalName) ?? new Set()).add(prefix));
      return openMemoryCache({ store, prefix });
    },
    location: (physicalName) => ({ driver: "memory", prefix: physicalName }),
    verify: async () => [],
    async remove(context, physicalName) {
      await context.assertLease();
      for (const prefix of used.get(physicalName) ?? []) store.flush(prefix);
      used.delete(physicalName);
    },
    list: async () => undefined,
  };
}
