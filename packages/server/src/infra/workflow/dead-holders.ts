import type { Db } from "../db/index.ts";
import { isProvablyGone } from "./holder.ts";
import { selectDeadHolders } from "./lease.sql.ts";
import type { LeaseKeeper } from "./lease-keeper.ts";

/**
 * Finds holders whose operations may be taken over before their leases run out. A free lock proves that the holder's
 * session is over, not that its process has stopped: that takes the process being gone for certain, or our own having
 * left, or the time within which whoever lost its session has given up all work (two fifths of a lease).
 */
export function watchDeadHolders(db: Db, keeper: LeaseKeeper, leaseMs: number) {
  const firstSeenFree = new Map<string, number>();

  function isAtRest(holder: string): boolean {
    return performance.now() - firstSeenFree.get(holder)! >= leaseMs / 2;
  }

  return async function deadHolders(): Promise<string[]> {
    if (!keeper.holder) return [];
    const free = await selectDeadHolders(db, keeper.holder);
    for (const holder of firstSeenFree.keys()) if (!free.includes(holder)) firstSeenFree.delete(holder);
    for (const holder of free) if (!firstSeenFree.has(holder)) firstSeenFree.set(holder, performance.now());
    return free.filter((holder) => isProvablyGone(holder) || keeper.hasLeft(holder) || isAtRest(holder));
  };
}
