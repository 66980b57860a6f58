import { setTimeout as delay } from "node:timers/promises";
import { type Db, inTransaction, type Tx } from "../../../infra/db/index.ts";
import type { Log } from "../../../infra/log/index.ts";
import { startOperation, type Workflow } from "../../../infra/workflow/index.ts";
import { newId } from "../../../kernel/index.ts";
import type { PlacementWorkflows } from "../workflows.ts";
import { lockShared } from "./shared-databases.sql.ts";
import { createSpareDemand } from "./spare-demand.ts";
import {
  lockSpares,
  markCrowding,
  markDeserted,
  markOutdated,
  type Shelf,
  selectDeserted,
  selectServerShelves,
  selectShelves,
  shelfOf,
} from "./spare-keeper.sql.ts";

export type SpareKeeperOptions = {
  db: Db;
  log: Log;
  workflows: PlacementWorkflows;
  /** Spares kept for each app on each server, and each level that has them, while nothing happens; 8 when left out. */
  atRest?: number;
  /** Spares kept at most, when many were taken lately; 64 when left out. */
  atMost?: number;
  /** How often to look, beside being told; 1,000 when left out. */
  pollMs?: number;
  /** Whether servers are started for single environments. */
  startsServers?: boolean;
};

export type SpareKeeper = {
  start(): void;
  /** A database was taken: the shelf is filled again soon, and higher the more are taken. */
  taken(appId: string, level: string): void;
  /** The building of a spare ended. Where it failed, nothing is built for a while, longer each time. */
  spareEnded(spare: { shelf: string; succeeded: boolean }): void;
  /** Waits for a look under way. Repeatable. */
  close(): Promise<void>;
};

/** Databases built at once on one server for a shelf that is nearly empty. More would only make each slower. */
const builtAtOnce = 4;

/**
 * Built at once for a shelf that will do for now, less what somebody waits for: building takes as much of the machine
 * as making a tenant does, and a burst that the shelf has enough for is over sooner without it.
 */
const builtInQuiet = 2;

/** A shelf with fewer is nearly empty. */
const scarce = 4;

/** Servers kept ready for environments that want one to themselves: each takes memory, so only after some were taken more. */
const serversAtRest = 1;
const serversAtMost = 4;

/** How soon to look again: while there is something to build that has to wait, after a database was taken, and after a spare ended. */
const soonMs = { held: 200, taken: 100, ended: 10 };

/**
 * Keeps databases ready for tenants to come [REG-4]. Any number of nodes may run one; one at a time looks. It only
 * starts operations: workers build, and take back what a failure left.
 */
export function createSpareKeeper(options: SpareKeeperOptions): SpareKeeper {
  const { db, log, workflows, atRest = 8, atMost = 64, pollMs = 1_000 } = options;
  const closing = new AbortController();
  const demand = createSpareDemand({ atMost });
  const alarm = createAlarm(closing.signal);
  let running: Promise<void> | undefined;

  const wantedOf = ({ appId, level }: Shelf) => Math.min(atMost, atRest + demand.takenLately(appId, level));
  const serversWantedOf = (appId: string) =>
    Math.min(serversAtMost, serversAtRest + demand.takenLately(appId, "dedicated"));

  async function startServerSpares(tx: Tx): Promise<void> {
    if (!options.startsServers || !demand.mayBuildOn("dedicated")) return;
    for (const shelf of await selectServerShelves(tx, workflows.buildSpare.kind)) {
      const { appId, schemaVersion, spares, building, underWay } = shelf;
      // One after the other, and while nobody waits for anything: making one takes a core for half a second.
      if (building + underWay > 0 || spares >= serversWantedOf(appId)) continue;
      const input = { id: newId(), serverId: newId(), appId, level: "dedicated", schemaVersion };
      await start(tx, workflows.buildSpare, input);
    }
  }

  function start(tx: Tx, workflow: Workflow, input: Record<string, unknown>): Promise<string> {
    return startOperation(tx, { workflow, input, exclusive: false, internal: true });
  }

  /** Whether something has to wait that is to be built. */
  async function look(): Promise<boolean> {
    return inTransaction(db, async (tx) => {
      if (!(await lockSpares(tx))) return false;
      const shelves = await selectShelves(tx, workflows.buildSpare.kind);
      const plans = toBuild(
        shelves.filter((shelf) => demand.mayBuildOn(shelfOf(shelf))),
        wantedOf,
      );
      for (const { appId, serverId, level, schemaVersion, count } of plans) {
        for (let number = 0; number < count; number += 1) {
          const input = { id: newId(), serverId, appId, level, schemaVersion };
          await start(tx, workflows.buildSpare, input);
        }
      }
      await startServerSpares(tx);
      for (const databaseId of await markUseless(tx)) {
        await start(tx, workflows.removeUnused, { databaseId });
      }
      return plans.some(({ held }) => held);
    });
  }

  async function keep(): Promise<void> {
    while (!closing.signal.aborted) {
      alarm.set(pollMs);
      try {
        if (await look()) alarm.set(soonMs.held);
      } catch (error) {
        log.warn({ error: (error as Error).message }, "spares.look_failed");
      }
      await alarm.rings();
    }
  }

  return {
    start() {
      running ??= keep();
    },
    taken(appId, level) {
      demand.taken(appId, level);
      alarm.set(soonMs.taken);
    },
    spareEnded(spare) {
      demand.ended(spare);
      alarm.set(soonMs.ended);
    },
    async close() {
      closing.abort();
      await running;
    },
  };
}

/** Marks for removal what nobody will need, a few at a time. */
async function markUseless(tx: Tx): Promise<string[]> {
  const marked = [...(await markOutdated(tx, builtAtOnce)), ...(await markCrowding(tx))];
  for (const { id, appId } of await selectDeserted(tx, builtAtOnce)) {
    await lockShared(tx, appId);
    if (await markDeserted(tx, id)) marked.push(id);
  }
  return marked;
}

/**
 * How many spares to begin for each shelf, sharing out what each server builds at once: the emptiest come first. The
 * last free place of a server is left to whoever has no spare. `held` says that more are wanted, and there is room.
 */
export function toBuild(
  shelves: readonly Shelf[],
  wantedOf: (shelf: Shelf) => number,
): (Shelf & { count: number; held: boolean })[] {
  const building = new Map<string, number>();
  for (const shelf of shelves) {
    building.set(shelf.serverId, (building.get(shelf.serverId) ?? 0) + shelf.building);
  }
  const emptiestFirst = shelves.toSorted((a, b) => a.spares + a.building - b.spares - b.building);
  return emptiestFirst.map((shelf) => {
    const begun = building.get(shelf.serverId)!;
    const lacking = Math.min(wantedOf(shelf) - shelf.spares - shelf.building, shelf.room - begun - 1);
    const count = Math.max(0, Math.min(lacking, slotsOf(shelf) - begun));
    building.set(shelf.serverId, begun + count);
    return { ...shelf, count, held: lacking > count };
  });
}

function slotsOf({ spares, building, underWay }: Shelf): number {
  return spares + building < scarce ? builtAtOnce : builtInQuiet - underWay;
}

/** Rings once, at the earliest time that it was set to. */
function createAlarm(closing: AbortSignal) {
  let due = Number.POSITIVE_INFINITY;
  let reset = new AbortController();
  return {
    set(inMs: number): void {
      due = Math.min(due, performance.now() + inMs);
      reset.abort();
    },
    async rings(): Promise<void> {
      while (performance.now() < due && !closing.aborted) {
        reset = new AbortController();
        const signal = AbortSignal.any([closing, reset.signal]);
        await delay(Math.max(due - performance.now(), 0), undefined, { signal }).catch(() => undefined);
      }
      due = Number.POSITIVE_INFINITY;
    },
  };
}
