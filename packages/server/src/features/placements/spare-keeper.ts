import { setTimeout as delay } from "node:timers/promises";
import { type Db, inTransaction, type Tx } from "../../infra/db/index.ts";
import type { Log } from "../../infra/log/index.ts";
import { startOperation, type Workflow } from "../../infra/workflow/index.ts";
import { newId } from "../../kernel/index.ts";
import { lockSpares, markOutdated, type Shelf, selectShelves } from "./spare-keeper.sql.ts";
import type { PlacementWorkflows } from "./workflows.ts";

export type SpareKeeperOptions = {
  db: Db;
  log: Log;
  workflows: PlacementWorkflows;
  /** Spares kept for each app on each server while nothing happens; 4 when left out. */
  atRest?: number;
  /** Spares kept at most, when many were taken lately; 16 when left out. */
  atMost?: number;
  /** How often to look, beside being told; 1,000 when left out. */
  pollMs?: number;
};

export type SpareKeeper = {
  start(): void;
  /** A database was taken: the shelf is filled again soon, and higher the more are taken. */
  taken(appId: string): void;
  /** The building of a spare ended. A server on which it failed is left alone for a while, longer each time. */
  spareEnded(spare: { serverId: string; succeeded: boolean }): void;
  /** Waits for a look under way. Repeatable. */
  close(): Promise<void>;
};

/** Databases built at once on one server. More would only make each slower, and provisioning with them. */
const builtAtOnce = 4;

/** How long a server where building fails is left alone at most. */
const longestPauseMs = 300_000;

/** What was taken in this time is expected to be taken again. */
const memoryMs = 10_000;

/**
 * Keeps databases ready for tenants to come [REG-4]. Any number of nodes may run one; one at a time looks. It only
 * starts operations: workers build, and take back what a failure left.
 */
export function createSpareKeeper(options: SpareKeeperOptions): SpareKeeper {
  const { db, log, workflows, atRest = 4, atMost = 16, pollMs = 1_000 } = options;
  const closing = new AbortController();
  const takenAt = new Map<string, number[]>();
  const troubles = new Map<string, { failures: number; until: number }>();
  let wake = new AbortController();
  let running: Promise<void> | undefined;

  function takenLately(appId: string): number {
    const since = Date.now() - memoryMs;
    const times = (takenAt.get(appId) ?? []).filter((time) => time > since);
    takenAt.set(appId, times);
    return times.length;
  }

  function mayBuildOn({ serverId }: Shelf): boolean {
    return (troubles.get(serverId)?.until ?? 0) <= Date.now();
  }

  const wantedOf = (appId: string) => Math.min(atMost, atRest + takenLately(appId));

  function start(tx: Tx, workflow: Workflow, input: Record<string, unknown>): Promise<string> {
    return startOperation(tx, { workflow, input, exclusive: false, internal: true });
  }

  async function look(): Promise<void> {
    await inTransaction(db, async (tx) => {
      if (!(await lockSpares(tx))) return;
      const shelves = await selectShelves(tx, workflows.buildSpare.kind);
      for (const { appId, serverId, schemaVersion, count } of toBuild(shelves.filter(mayBuildOn), wantedOf)) {
        for (let number = 0; number < count; number += 1) {
          const input = { id: newId(), serverId, appId, level: "database", schemaVersion };
          await start(tx, workflows.buildSpare, input);
        }
      }
      for (const databaseId of await markOutdated(tx, builtAtOnce)) {
        await start(tx, workflows.removeUnused, { databaseId });
      }
    });
  }

  async function keep(): Promise<void> {
    while (!closing.signal.aborted) {
      wake = new AbortController();
      try {
        await look();
      } catch (error) {
        log.warn({ error: (error as Error).message }, "spares.look_failed");
      }
      const signal = AbortSignal.any([closing.signal, wake.signal]);
      await delay(pollMs, undefined, { signal }).catch(() => undefined);
    }
  }

  return {
    start() {
      running ??= keep();
    },
    taken(appId) {
      takenAt.set(appId, [...(takenAt.get(appId) ?? []), Date.now()]);
      wake.abort();
    },
    spareEnded({ serverId, succeeded }) {
      if (succeeded) troubles.delete(serverId);
      else {
        const failures = (troubles.get(serverId)?.failures ?? 0) + 1;
        const until = Date.now() + Math.min(1_000 * 2 ** failures, longestPauseMs);
        troubles.set(serverId, { failures, until });
      }
      wake.abort();
    },
    async close() {
      closing.abort();
      await running;
    },
  };
}

/** How many spares to begin for each shelf, sharing out what each server can build at once. */
export function toBuild(
  shelves: readonly Shelf[],
  wantedOf: (appId: string) => number,
): (Shelf & { count: number })[] {
  const slots = new Map<string, number>();
  for (const { serverId, building } of shelves) {
    slots.set(serverId, (slots.get(serverId) ?? builtAtOnce) - building);
  }
  return shelves.map((shelf) => {
    const lacking = wantedOf(shelf.appId) - shelf.spares - shelf.building;
    const count = Math.max(0, Math.min(lacking, slots.get(shelf.serverId)!, shelf.room));
    slots.set(shelf.serverId, slots.get(shelf.serverId)! - count);
    return { ...shelf, count };
  });
}
