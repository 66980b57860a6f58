import type { RuntimeSnapshot } from "@tenantry/contract";
import { LRUCache } from "lru-cache";

type Budgets = RuntimeSnapshot["budgets"];

/** Well below the time for which a share is granted, well above the time in which a process reads its pages. */
const renewEveryMs = 5_000;

/**
 * The share of database connections that a process may hold. Asking renews it, but not with every page and every
 * change: processes would queue for the server's row. A process that doesn't name itself shares with others of its kind.
 */
export function createBudgets(
  lease: (appId: string, holder: string) => Promise<Budgets>,
  now: () => number = () => performance.now(),
): (appId: string, processId: string | undefined) => Promise<Budgets> {
  const granted = new LRUCache<string, { budgets: Budgets }>({
    max: 10_000,
    ttl: renewEveryMs,
    ttlResolution: 0,
    perf: { now },
    // An application can only name processes of its own.
    fetchMethod: async (holder) => ({ budgets: await lease(holder.slice(0, holder.indexOf("/")), holder) }),
  });
  return async (appId, processId = "any") => (await granted.fetch(`${appId}/${processId}`))!.budgets;
}
