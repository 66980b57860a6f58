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
    admit: async () => undefined,
    handle(name, generation) {
      const prefix = `${name} ${generation}`;
      used.set(name, (used.get(name) ?? new Set()).add(prefix));
      return openMemoryCache({ store, prefix });
    },
    location: (name) => ({ driver: "memory", prefix: name }),
    flush: async () => undefined,
    measure: async () => undefined,
    verify: async () => [],
    async remove(context, name) {
      await context.assertLease();
      for (const prefix of used.get(name) ?? []) store.flush(prefix);
      used.delete(name);
    },
    list: async () => undefined,
  };
}
