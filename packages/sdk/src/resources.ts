import type { RuntimeEnvironment } from "@tenantry/contract";
import { type Cache, createPools, createSqliteHandles, type Database, type Storage } from "@tenantry/data";
import { createCaches } from "./caches.ts";
import type { Log } from "./config.ts";
import { openTenantDatabase } from "./database.ts";
import { EnvironmentUnavailable, RuntimeUnavailable } from "./errors.ts";
import type { OpenFiles } from "./file-stores.ts";
import type { Repairs } from "./repair.ts";
import type { RuntimeFollower } from "./runtime/follower.ts";
import type { RuntimeState } from "./runtime/state.ts";
import { isUsable } from "./usable.ts";

/** What this process holds of all tenants' places, and how one environment's is reached. */
export type Resources = {
  database(environment: RuntimeEnvironment): Database;
  storage(environment: RuntimeEnvironment): Storage;
  cache(environment: RuntimeEnvironment): Cache;
  /** What all tenants of the application share under that name. */
  globalCache(name: string): Cache;
  /** Takes a new state to heart: shares of connections, and environments that may not be used any more. */
  applied(state: RuntimeState): void;
  /** Waits for what is at work, ten seconds at most, and lets go of every connection. */
  close(): Promise<void>;
};

/** Held on a server for which the API grants nothing (yet): work goes on, if slowly. */
const leastBackends = 1;

export function createResources(
  follower: Pick<RuntimeFollower, "state" | "askAgain">,
  openFiles: OpenFiles,
  repairs: Repairs,
  log: Log,
): Resources {
  const caches = createCaches(repairs, log);
  const connected = new Set<string>();
  const pools = createPools({
    applicationName: "tenantry application",
    budgets: (serverId) =>
      follower.state()?.budgets.find((budget) => budget.serverId === serverId)?.backends || leastBackends,
  });
  const files = createSqliteHandles();
  return {
    database(environment) {
      if (!environment.database) throw missing(environment, "database");
      connected.add(environment.id);
      return openTenantDatabase(
        { pools, files, follower, repair: repairs.database },
        environment.id,
        environment.database,
      );
    },
    storage(environment) {
      if (!environment.storage) throw missing(environment, "storage");
      return openFiles(environment.id, environment.storage);
    },
    cache(environment) {
      if (!environment.cache) throw missing(environment, "cache");
      return caches.open(environment.cache, environment.id);
    },
    globalCache(name) {
      const state = follower.state();
      if (!state) throw new RuntimeUnavailable("Tenantry's API hasn't answered yet.");
      return caches.openGlobal(state.globalCache, name);
    },
    applied(state) {
      for (const id of connected) {
        if (isUsable(state, id)) continue;
        pools.forget(id);
        void files.forget(id);
        connected.delete(id);
      }
      pools.refresh();
    },
    async close() {
      await Promise.all([pools.close(), files.close()]);
      caches.close();
    },
  };
}

function missing({ tenantSlug }: RuntimeEnvironment, what: string): EnvironmentUnavailable {
  return new EnvironmentUnavailable(tenantSlug, `it has no ${what} yet`);
}
