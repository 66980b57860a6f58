import { setTimeout as delay } from "node:timers/promises";
import { databaseErrorCode } from "../../infra/db/index.ts";
import { isWorthRetrying, LeaseLost, recordError, type StepContext } from "../../infra/workflow/index.ts";
import { hasCode } from "../../kernel/index.ts";
import {
  type DueDatabase,
  type FleetScope,
  type FleetTally,
  isPending,
  selectDue,
  selectTally,
  updateRetryAt,
  upsertFailure,
} from "./fleet.sql.ts";
import { type FleetLanes, openLanes } from "./fleet-lanes.ts";
import { migrateDatabase } from "./migrate-database.ts";
import type { PlacementParts } from "./parts.ts";

export type FleetWork = FleetScope & {
  /** Databases at once over all servers; at most so many on each of them. */
  concurrency?: number | undefined;
  perServer?: number | undefined;
  /** Told of every database that came to the version. */
  onMigrated?: (databaseId: string) => Promise<void>;
  /** Told of every one that was given up; throws when no more should be begun. */
  onGivenUp?: (databaseId: string, tally: FleetTally) => Promise<void>;
  /** Milliseconds before the second attempt, doubled for each one after it. */
  retryBaseMs?: number;
};

const defaultConcurrency = 8;
const defaultPerServer = 4;
/** With a second before the second attempt, a server has half a minute to come back. */
const attempts = 6;
/** Counting thousands takes milliseconds. */
const reportEveryMs = 500;

/**
 * Brings databases of an application to a schema version, several at a time, until none is behind but those that this
 * operation has given up: what is wrong with one keeps nobody else from it. Who is behind is asked anew for every one
 * that is begun, so it may be interrupted at any time, and a repetition goes on where it was. What passes by itself (a
 * server that is away, a lock) is tried again. Throws what `onGivenUp` throws, once all that was begun has ended.
 */
export async function migrateFleet(
  parts: PlacementParts,
  context: StepContext,
  work: FleetWork,
): Promise<FleetTally> {
  const { operationId } = context;
  const lanes = openLanes(
    context.db,
    { appId: work.appId, process: `migrations ${operationId}` },
    work.perServer ?? defaultPerServer,
  );
  const fleet: Fleet = {
    parts,
    context,
    work,
    lanes,
    running: new Map(),
    stopped: undefined,
    reportAfter: 0,
  };
  try {
    while (await goOn(fleet)) await Promise.race([...fleet.running.values()].map(({ done }) => done));
  } finally {
    await Promise.allSettled([...fleet.running.values()].map(({ done }) => done));
    await lanes.close();
  }
  if (fleet.stopped) throw fleet.stopped.error;
  return selectTally(context.db, work, operationId);
}

type Running = DueDatabase & { done: Promise<void> };

type Fleet = {
  parts: PlacementParts;
  context: StepContext;
  work: FleetWork;
  lanes: FleetLanes;
  running: Map<string, Running>;
  /** Why no more is begun. */
  stopped: { error: unknown } | undefined;
  reportAfter: number;
};

/** Begins what there is room for. True while something is under way. */
async function goOn(fleet: Fleet): Promise<boolean> {
  const { context, work, running } = fleet;
  for (;;) {
    context.signal.throwIfAborted();
    if (!fleet.stopped) await begin(fleet);
    if (running.size > 0) return true;
    if (fleet.stopped) return false;
    const { pending, retryInMs } = await isPending(context.db, work, context.operationId);
    if (!pending) return false;
    await delay(Math.min(retryInMs, 1_000), undefined, { signal: context.signal });
  }
}

async function begin(fleet: Fleet): Promise<void> {
  const { context, work, running } = fleet;
  const concurrency = work.concurrency ?? defaultConcurrency;
  while (running.size < concurrency) {
    const [due] = await selectDue(context.db, work, await taken(fleet), 1);
    if (!due) return;
    const done = migrateOne(fleet, due).finally(() => running.delete(due.id));
    // It is waited for in time, but may fail before that.
    done.catch(() => undefined);
    running.set(due.id, { ...due, done });
  }
}

async function taken({ context, lanes, running }: Fleet) {
  const all = [...running.values()];
  const full: string[] = [];
  for (const [serverId, there] of Map.groupBy(all, (one) => one.serverId)) {
    if (there.length >= (await lanes.on(serverId))) full.push(serverId);
  }
  return { operationId: context.operationId, busy: all.map(({ id }) => id), full };
}

async function migrateOne(fleet: Fleet, { id }: DueDatabase): Promise<void> {
  const { parts, context, work } = fleet;
  try {
    await migrateDatabase(parts, context, id, work.schemaVersion);
  } catch (error) {
    context.signal.throwIfAborted();
    if (error instanceof LeaseLost) throw error;
    return noteFailure(fleet, id, error);
  }
  await work.onMigrated?.(id);
  if (Date.now() > fleet.reportAfter) await report(fleet);
}

async function noteFailure(fleet: Fleet, databaseId: string, error: unknown): Promise<void> {
  const { context, work } = fleet;
  const givenUp = await context.transaction(async (tx) => {
    const { operationId } = context;
    const noted = { databaseId, operationId, targetVersion: work.schemaVersion, error: recordError(error) };
    const tries = await upsertFailure(tx, noted);
    if (tries === undefined) return false;
    if (!mayPass(error) || tries >= attempts) return true;
    await updateRetryAt(tx, databaseId, (work.retryBaseMs ?? 1_000) * 2 ** (tries - 1));
    return false;
  });
  if (!givenUp) return;
  const tally = await report(fleet);
  try {
    await work.onGivenUp?.(databaseId, tally);
  } catch (reason) {
    fleet.stopped ??= { error: reason };
  }
}

/** Whether the same migration may work in a moment: the server was away, somebody else had a lock. */
function mayPass(error: unknown): boolean {
  if (hasCode(error, "migration_failed")) {
    return ["55P03", "40P01"].includes(databaseErrorCode((error as Error).cause) ?? "");
  }
  return isWorthRetrying(error);
}

async function report(fleet: Fleet): Promise<FleetTally> {
  const { context, work } = fleet;
  fleet.reportAfter = Date.now() + reportEveryMs;
  const tally = await selectTally(context.db, work, context.operationId);
  const { databases, current, givenUp } = tally;
  const failed = givenUp > 0 ? `, ${givenUp} failed` : "";
  const fraction = databases === 0 ? 1 : (current + givenUp) / databases;
  await context.progress(fraction, `${current} of ${databases} databases migrated${failed}`);
  return tally;
}
