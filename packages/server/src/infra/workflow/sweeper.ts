import { type Db, inTransaction, type Notifications, type Tx } from "../db/index.ts";
import type { Log } from "../log/index.ts";
import { claimAbandoned, deleteSwept, holdSwept, mayComeBack, type SweptResource } from "./sweeper.sql.ts";

/**
 * Removes a thing that may exist wholly, in part or not at all, within `longestRemovalMs`. Safe to repeat. Nodes that
 * sweep at the same time leave a thing to the one that has it in hand.
 */
export type RemoveResource = (resource: SweptResource) => Promise<void>;

export const longestRemovalMs = 120_000;

export type Swept = { removed: number; failed: number; watched: number };

export type Sweeper = {
  /**
   * Removes everything that ended operations left in creation. Answers how many went, how many resisted, and how many
   * are gone but stay on record, since a worker that was overtaken may wake up and make them again.
   */
  sweep(): Promise<Swept>;
  /**
   * Sweeps now, since whoever swept before may have been killed at it, and whenever an operation ends and leaves
   * something behind. What fails waits for the next `sweep`.
   */
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

  async function removeInHand(tx: Tx, resource: SweptResource): Promise<keyof Swept | "elsewhere"> {
    const { id, kind, driver, physicalName } = resource;
    if (!(await holdSwept(tx, id, 2 * longestRemovalMs))) return "elsewhere";
    // Asked first: whoever is gone now can't come between the removal and the forgetting.
    const isWatched = await mayComeBack(db, id);
    await remove[`${kind}/${driver}`]!(resource);
    if (isWatched) return "watched";
    await deleteSwept(tx, id);
    log.info({ kind, driver, physicalName }, "resource.swept");
    return "removed";
  }

  async function removeOne(resource: SweptResource): Promise<keyof Swept | "elsewhere"> {
    const { kind, driver, physicalName } = resource;
    try {
      return await inTransaction(db, (tx) => removeInHand(tx, resource));
    } catch (error) {
      log.error({ kind, driver, physicalName, error }, "resource.sweep_failed");
      return "failed";
    }
  }

  async function sweepAll(): Promise<Swept> {
    const swept: Swept = { removed: 0, failed: 0, watched: 0 };
    const staying = new Set<string>();
    for (;;) {
      const claimed = await claimAbandoned(db, Object.keys(remove), batchSize + staying.size);
      const batch = claimed.filter(({ id }) => !staying.has(id));
      if (batch.length === 0) return swept;
      for (const resource of batch) {
        const outcome = await removeOne(resource);
        if (outcome !== "elsewhere") swept[outcome] += 1;
        if (outcome !== "removed") staying.add(resource.id);
      }
    }
  }

  /** One at a time: two sweeps of one node would only do each other's work. */
  function sweep(): Promise<Swept> {
    const next = sweeping.then(sweepAll);
    sweeping = next.catch((error) => log.error({ error }, "sweep.failed"));
    return next;
  }

  return {
    sweep,
    start(notifications) {
      // What went wrong is in the log.
      const sweepAgain = () => void sweep().catch(() => undefined);
      stopHearing = notifications.on("tenantry_sweep", sweepAgain);
      sweepAgain();
    },
    async close() {
      stopHearing?.();
      await sweeping;
    },
  };
}
