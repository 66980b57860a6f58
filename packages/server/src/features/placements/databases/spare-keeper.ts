import { setTimeout as delay } from "node:timers/promises";
import { type Db, inTransaction, type Tx } from "../../../infra/db/index.ts";
import type { Log } from "../../../infra/log/index.ts";
import { startOperation, type Workflow } from "../../../infra/workflow/index.ts";
import { firstIdAt, newId } from "../../../kernel/index.ts";
import type { PlacementWorkflows } from "../workflows.ts";
import { lockShared } from "./shared-databases.sql.ts";
import {
  lockSpares,
  markCrowding,
  markDeserted,
  markOutdated,
  markSurplus,
  type ServerShelf,
  type Shelf,
  selectDeserted,
  selectServerShelves,
  selectShelves,
  shelfOf,
} from "./spare-keeper.sql.ts";
import { createSpareTroubles } from "./spare-troubles.ts";

export type SpareKeeperOptions = {
  db: Db;
  log: Log;
  workflows: PlacementWorkflows;
  /** Spares kept for each app on each server, and each level that has them, while nothing happens; 8 when left out. */
  atRest?: number;
  /** Spares kept at most, when many were taken lately; 64 when left out. */
  atMost?: number;
  /** For how long what was taken on a server is expected to be taken there again; 600,000 when left out. */
  memoryMs?: number;
  /** How often to look, beside being told; 1,000 when left out. */
  pollMs?: number;
  /** Whether servers are started for single environments. */
  startsServers?: boolean;
};

export type SpareKeeper = {
  start(): void;
  /** A database was taken: the shelf is filled again soon. */
  taken(): void;
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
  const { db, log, workflows, atRest = 8, atMost = 64, memoryMs = 600_000, pollMs = 1_000 } = options;
  const closing = new AbortController();
  const troubles = createSpareTroubles();
  const alarm = createAlarm(closing.signal);
  let running: Promise<void> | undefined;

  const wantedOf = ({ takenLately }: Shelf) => Math.min(atMost, atRest + takenLately);
  const serversWantedOf = ({ takenLately }: ServerShelf) =>
    Math.min(serversAtMost, serversAtRest + takenLately);

  function start(tx: Tx, workflow: Workflow, input: Record<string, unknown>): Promise<string> {
    return startOperation(tx, { workflow, input, exclusive: false, internal: true });
  }

  /** Whether something has to wait that is to be built. */
  async function look(): Promise<boolean> {
    return inTransaction(db, async (tx) => {
      if (!(await lockSpares(tx))) return false;
      const since = firstIdAt(Date.now() - memoryMs);
      const shelves = await selectShelves(tx, workflows.buildSpare.kind, since);
      const serverShelves = await selectServerShelves(tx, workflows.buildSpare.kind, since);
      const mayBuildOn = (shelf: Shelf | ServerShelf) => troubles.mayBuildOn(shelfOf(shelf));
      const plans = toBuild(shelves.filter(mayBuildOn), wantedOf);
      const servers = options.startsServers ? serverShelves.filter(mayBuildOn) : [];
      for (const { count, ...spare } of [...plans, ...serversToStart(servers, serversWantedOf)]) {
        for (let number = 0; number < count; number += 1) {
          const { appId, serverId = newId(), level, schemaVersion } = spare;
          await start(tx, workflows.buildSpare, { id: newId(), serverId, appId, level, schemaVersion });
        }
      }
      const crowded = [
        ...shelves.filter((shelf) => isCrowded(shelf, wantedOf(shelf))),
        ...serverShelves.filter((shelf) => isCrowded(shelf, serversWantedOf(shelf))),
      ];
      for (const databaseId of await markUseless(tx, crowded[0])) {
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
    taken() {
      alarm.set(soonMs.taken);
    },
    spareEnded(spare) {
      troubles.ended(spare);
      alarm.set(soonMs.ended);
    },
    async close() {
      closing.abort();
      await running;
    },
  };
}

/**
 * Whether far more stand ready than will be taken, as after a burst, and nobody waits for anything. Less than twice as
 * many are kept: what comes and goes would be built and removed all the time.
 */
function isCrowded({ spares, building, underWay }: Shelf | ServerShelf, wanted: number): boolean {
  return spares > 2 * wanted && building + underWay === 0;
}

/** Marks for removal what nobody will need, a few at a time. */
async function markUseless(tx: Tx, crowded: Shelf | ServerShelf | undefined): Promise<string[]> {
  const marked = [...(await markOutdated(tx, builtAtOnce)), ...(await markCrowding(tx))];
  if (crowded) marked.push(...(await markSurplus(tx, crowded)));
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

/** One after the other, and while nobody waits for anything: making one takes a core for half a second. */
function serversToStart(shelves: readonly ServerShelf[], wantedOf: (shelf: ServerShelf) => number) {
  return shelves
    .filter((shelf) => shelf.building + shelf.underWay === 0 && shelf.spares < wantedOf(shelf))
    .map((shelf) => ({ ...shelf, serverId: undefined, count: 1 }));
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
