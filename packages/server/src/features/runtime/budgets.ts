import type { RuntimeSnapshot } from "@tenantry/contract";
import { LRUCache } from "lru-cache";

type Budgets = RuntimeSnapshot["budgets"];

/** Well below the time for which a share is granted, well above the time in which a process reads its pages. */
const renewEveryMs = 5_000;
/** A process that hasn't asked for so long has gone: its share has gone to others, too. */
const forgottenAfterMs = 30_000;
/** More processes of an application than that share like those that have no name. */
const mostNamedPerApp = 64;
const unnamed = "any";

/**
 * The share of database connections that a process may hold. Asking renews it, but not with every page and every
 * change: processes would queue for the server's row. A process that doesn't name itself shares with others of its kind,
 * and so does one of an application that has named very many: names are free, and each costs everybody a look.
 */
export function createBudgets(
  lease: (appId: string, process: string) => Promise<Budgets>,
  now: () => number = () => performance.now(),
): (appId: string, process: string | undefined) => Promise<Budgets> {
  const askedAt = new Map<string, Map<string, number>>();
  const granted = new LRUCache<string, { budgets: Budgets }, { appId: string; process: string }>({
    max: 10_000,
    ttl: renewEveryMs,
    ttlResolution: 0,
    perf: { now },
    fetchMethod: async (_key, _stale, { context: { appId, process } }) => ({
      budgets: await lease(appId, process),
    }),
  });

  function admit(appId: string, process: string): string {
    const names = askedAt.get(appId) ?? new Map<string, number>();
    askedAt.set(appId, names);
    if (!names.has(process)) {
      for (const [name, at] of names) if (now() - at > forgottenAfterMs) names.delete(name);
      if (names.size >= mostNamedPerApp) return unnamed;
    }
    names.set(process, now());
    return process;
  }

  return async (appId, named) => {
    const process = named === undefined ? unnamed : admit(appId, named);
    const context = { appId, process };
    return (await granted.fetch(`${appId}/${process}`, { context }))!.budgets;
  };
}
