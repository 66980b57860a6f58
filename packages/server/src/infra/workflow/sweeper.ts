import type { Db, Notifications } from "../db/index.ts";
import type { Log } from "../log/index.ts";
import { claimAbandoned, deleteSwept, type SweptResource } from "./sweeper.sql.ts";

/** Removes a thing that may exist wholly, in part or not at all. Safe to repeat, also beside itself. */
export type RemoveResource = (resource: SweptResource) => Promise<void>;

export type Sweeper = {
  /** Removes everything that ended operations left in creation. Answers how many went and how many resisted. */
  sweep(): Promise<{ removed: number; failed: number }>;
  /** Sweeps whenever an operation ends and leaves something behind. What fails waits for the next `sweep`. */
  start(notifications: Notifications): void;
  /** Waits for a sweep under way. Repeatable. */
  close(): Promise<void>;
};

const batchSize = 100;

/**
 * Removes what no step will finish: resources that were declared, and whose operation has ended without them being
 * present. `remove` has a remover for each `kind/driver`; rows of other kinds are left to nodes that know them.
 */
export function createSweeper(options: {
  db: Db;
  log: Log;
  remove: Readonly<Record<string, RemoveResource>>;
}): Sweeper {
  const { db, log, remove } = options;
  let sweeping: Promise<unknown> = Promise.resolve();
  let stopHearing: (() => void) | undefined;

  async function removeOne(resource: SweptResource): Promise<boolean> {
    const { kind, driver, physicalName } = resource;
    try {
      await remove[`${kind}/${driver}`]!(resource);
      await deleteSwept(db, resource.id);
      log.info({ kind, driver, physicalName }, "resource.swept");
      return true;
    } catch (error) {
      log.error({ kind, driver, physicalName, error }, "resource.sweep_failed");
      return false;
    }
  }

  async function sweepAll(): Promise<{ removed: number; failed: number }> {
    const resisting = new Set<string>();
    let removed = 0;
    for (;;) {
      const claimed = await claimAbandoned(db, Object.keys(remove), batchSize + resisting.size);
      const batch = claimed.filter(({ id }) => !resisting.has(id));
      if (batch.length === 0) return { removed, failed: resisting.size };
      for (const resource of batch) {
        if (await removeOne(resource)) removed += 1;
        else resisting.add(resource.id);
      }
    }
  }

  /** One at a time: two sweeps of one node would only do each other's work. */
  function sweep(): Promise<{ removed: number; failed: number }> {
    const next = sweeping.then(sweepAll);
    sweeping = next.catch((error) => log.error({ error }, "sweep.failed"));
    return next;
  }

  return {
    sweep,
    start(notifications) {
      stopHearing = notifications.on("tenantry_sweep", () => void sweep().catch(() => undefined));
    },
    async close() {
      stopHearing?.();
      await sweeping;
    },
  };
}
