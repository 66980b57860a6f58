import type { RuntimeEnvironment } from "@tenantry/contract";
import { IdentityRefused } from "@tenantry/data";
import type { CacheDriver, CacheUsage } from "../../drivers/cache/index.ts";
import { type Db, inTransaction, type Tx } from "../../infra/db/index.ts";
import type { Log } from "../../infra/log/index.ts";
import { failure, hasCode } from "../../kernel/index.ts";
import { touchRuntime } from "../environments/index.ts";
import {
  insertAppCache,
  selectAppCache,
  selectAppsWithoutCache,
  selectEnvironmentIdsOfApp,
  updateAppCacheMade,
} from "./app-caches.sql.ts";
import { type CacheOn, type CachePlaces, driverOf } from "./places.ts";
import {
  raiseGeneration,
  type StandingCache,
  selectCachesOf,
  selectStandingCaches,
  selectWronglyAdmitted,
  updateAdmitted,
} from "./upkeep.sql.ts";

type Run = { db: Db; log: Log; signal: AbortSignal };

const pageSize = 200;

/** Looks after caches that stand: who is let in, what was lost, what is to be emptied. */
export function createCacheUpkeep(places: CachePlaces) {
  return Object.assign({ places }, regularly(places), mending(places), contents(places));
}

export type CacheUpkeep = ReturnType<typeof createCacheUpkeep>;

function regularly(places: CachePlaces) {
  return {
    /** Lets users in or out as their tenants' states want it, and makes what applications share where it is missing. */
    async settle(run: Run): Promise<void> {
      const all = await places.all(run.db);
      const attempt = attempts(run);
      for (const cache of await selectWronglyAdmitted(run.db, pageSize)) {
        if (run.signal.aborted) return;
        await attempt(cache, async () => {
          await driverOf(all, cache).admit(cache.name, cache.usable);
          await updateAdmitted(run.db, cache.id, cache.usable);
        });
      }
      for (const app of await selectAppsWithoutCache(run.db)) {
        if (run.signal.aborted) return;
        await attempt(app, () => makeAppCache(run.db, all, app));
      }
    },

    /** Looks at every cache on a server and gives users the rights back that they have lost. */
    async check(run: Run): Promise<void> {
      const all = await places.all(run.db);
      const attempt = attempts(run);
      for (let after: string | undefined; ; ) {
        const page = await selectStandingCaches(run.db, after, pageSize);
        for (const cache of page) {
          if (run.signal.aborted) return;
          await attempt(cache, async () => {
            if (await mend(driverOf(all, cache), cache))
              run.log.warn({ cache: cache.name }, "cache.user_repaired");
          });
        }
        if (page.length < pageSize) return;
        after = page.at(-1)!.id;
      }
    },
  };
}

function mending(places: CachePlaces) {
  return {
    /** Gives the user of an environment's cache its rights back, should Redis have forgotten it. Answers whether it had. */
    async repair(db: Db, environmentId: string): Promise<boolean> {
      const [cache] = await selectCachesOf(db, [environmentId]);
      if (!cache?.usable) throw failure("environment_unavailable", { detail: "It has no cache now." });
      return mend(driverOf(await places.all(db), cache), cache);
    },

    /** The same for what an application's tenants share. */
    async repairShared(db: Db, appId: string): Promise<boolean> {
      const row = await selectAppCache(db, appId);
      if (!row?.made)
        throw failure("not_found", { detail: "The application's tenants share no cache on a server." });
      const driver = driverOf(await places.all(db), { driver: "redis", serverId: row.serverId });
      return mend(driver, { name: row.name, usable: true });
    },

    /** Where an application's tenants share a cache, for the runtime snapshot; undefined where only its processes do. */
    async shared(db: Db | Tx, appId: string): Promise<RuntimeEnvironment["cache"]> {
      const row = await selectAppCache(db, appId);
      if (!row?.made) return undefined;
      const driver = driverOf(await places.all(db), { driver: "redis", serverId: row.serverId });
      return { ...driver.location(row.name), generation: 1 };
    },
  };
}

function contents(places: CachePlaces) {
  return {
    /**
     * Empties the caches of environments; null where only their processes know how many keys there were. Throws
     * `operation_in_progress` when one is carried elsewhere meanwhile, which may bring keys along.
     */
    async flush(
      db: Db,
      environmentIds: readonly string[],
      signal: AbortSignal,
    ): Promise<{ keys: number | null }> {
      const all = await places.all(db);
      let keys: number | null = null;
      const caches = await selectCachesOf(db, environmentIds);
      requireUnmoved(caches, caches);
      for (const cache of caches) {
        const flushed = await driverOf(all, cache).flush(cache.name, signal);
        if (flushed) keys = (keys ?? 0) + flushed.keys;
        else {
          await inTransaction(db, async (tx) => {
            await raiseGeneration(tx, cache.id);
            await touchRuntime(tx, [cache.environmentId]);
          });
        }
      }
      requireUnmoved(caches, await selectCachesOf(db, environmentIds));
      return { keys };
    },

    /** How much is in the caches of environments; undefined where only their processes know. */
    async measure(
      db: Db,
      environmentIds: readonly string[],
      signal: AbortSignal,
    ): Promise<CacheUsage | undefined> {
      const all = await places.all(db);
      let sum: CacheUsage | undefined;
      for (const cache of await selectCachesOf(db, environmentIds)) {
        const usage = await driverOf(all, cache).measure(cache.name, signal);
        if (usage) sum = { keys: usage.keys + (sum?.keys ?? 0), bytes: usage.bytes + (sum?.bytes ?? 0) };
      }
      return sum;
    },
  };
}

function requireUnmoved(before: readonly StandingCache[], now: readonly StandingCache[]): void {
  const isNew = ({ id }: StandingCache) => !before.some((one) => one.id === id);
  if (!now.some((cache) => cache.moving || isNew(cache))) return;
  throw failure("operation_in_progress", {
    detail: "The cache is being moved to another place, and its keys with it.",
    remedy: "Flush it once it is there.",
  });
}

async function mend(
  driver: CacheDriver,
  { name, usable }: Pick<StandingCache, "name" | "usable">,
): Promise<boolean> {
  if (!usable || (await driver.verify(name)).length === 0) return false;
  await driver.admit(name, true);
  return true;
}

/** The row comes first: whatever happens then, it says that the user may be there. */
async function makeAppCache(
  db: Db,
  all: readonly CacheOn[],
  { appId, serverId }: { appId: string; serverId: string },
): Promise<void> {
  const driver = driverOf(all, { driver: "redis", serverId });
  await inTransaction(db, (tx) => insertAppCache(tx, { appId, serverId, name: driver.nameFor(appId) }));
  const row = await selectAppCache(db, appId);
  if (row?.serverId !== serverId) return;
  await driver.admit(row.name, true);
  await inTransaction(db, async (tx) => {
    await updateAppCacheMade(tx, appId, true);
    await touchRuntime(tx, await selectEnvironmentIdsOfApp(tx, appId));
  });
}

/** One server that is away keeps nobody from the others, and is asked once in a run. */
function attempts({ log }: Run) {
  const away = new Set<string | null>();
  return async ({ serverId }: { serverId: string | null }, work: () => Promise<void>): Promise<void> => {
    if (away.has(serverId)) return;
    try {
      await work();
    } catch (error) {
      if (error instanceof IdentityRefused || hasCode(error, "server_unreachable")) away.add(serverId);
      log.warn({ serverId, error: (error as Error).message }, "cache.upkeep_failed");
    }
  };
}
