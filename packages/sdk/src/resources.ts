import type { RuntimeEnvironment } from "@tenantry/contract";
import {
  type Cache,
  createMemoryStore,
  createPools,
  type Database,
  openFsStorage,
  openMemoryCache,
  type Storage,
} from "@tenantry/data";
import { openTenantDatabase } from "./database.ts";
import { EnvironmentUnavailable } from "./errors.ts";
import type { Repair } from "./repair.ts";
import type { RuntimeFollower } from "./runtime/follower.ts";
import type { RuntimeState } from "./runtime/state.ts";
import { isUsable } from "./usable.ts";

/** What this process holds of all tenants' places, and how one environment's is reached. */
export type Resources = {
  database(environment: RuntimeEnvironment): Database;
  storage(environment: RuntimeEnvironment): Storage;
  cache(environment: RuntimeEnvironment): Cache;
  /** Takes a new state to heart: shares of connections, and environments that may not be used any more. */
  applied(state: RuntimeState): void;
  /** Waits for what is at work, ten seconds at most, and lets go of every connection. */
  close(): Promise<void>;
};

/** Held on a server for which the API grants nothing (yet): work goes on, if slowly. */
const leastBackends = 1;

export function createResources(
  follower: Pick<RuntimeFollower, "state" | "askAgain">,
  repair: Repair,
): Resources {
  const memory = createMemoryStore();
  const connected = new Set<string>();
  const pools = createPools({
    applicationName: "tenantry application",
    budgets: (serverId) =>
      follower.state()?.budgets.find((budget) => budget.serverId === serverId)?.backends || leastBackends,
  });
  return {
    database(environment) {
      if (!environment.database) throw missing(environment, "database");
      connected.add(environment.id);
      return openTenantDatabase({ pools, follower, repair }, environment.id, environment.database);
    },
    storage(environment) {
      if (!environment.storage) throw missing(environment, "storage");
      return openFsStorage(environment.storage.directory);
    },
    cache(environment) {
      if (!environment.cache) throw missing(environment, "cache");
      // A new generation begins empty: what was cached before a restore may not be true any more.
      const { prefix, generation } = environment.cache;
      return openMemoryCache({ store: memory, prefix: `${prefix} ${generation}` });
    },
    applied(state) {
      for (const id of connected) {
        if (isUsable(state, id)) continue;
        pools.forget(id);
        connected.delete(id);
      }
      pools.refresh();
    },
    close: () => pools.close(),
  };
}

function missing({ tenantSlug }: RuntimeEnvironment, what: string): EnvironmentUnavailable {
  return new EnvironmentUnavailable(tenantSlug, `it has no ${what} yet`);
}
