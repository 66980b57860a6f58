import { setTimeout as delay } from "node:timers/promises";
import type { AppMigration, DatabaseDriver, InLane, Migrate } from "../../../drivers/database/index.ts";
import { databaseErrorCode } from "../../../infra/db/index.ts";
import { isWorthRetrying, LeaseLost, recordError, type StepContext } from "../../../infra/workflow/index.ts";
import { hasCode } from "../../../kernel/index.ts";
import { selectMigrations } from "../databases/databases.sql.ts";
import { describeDatabase, noteMigrated } from "../databases/migrate-database.ts";
import { type PlacementParts, requireDriver } from "../parts.ts";
import { requireServer } from "../servers/servers.ts";
import { createDueQueue, type DueQueue } from "./due-queue.ts";
import {
  type DueDatabase,
  type FleetScope,
  type FleetTally,
  isPending,
  type LaneOf,
  selectTally,
  updateRetryAt,
  upsertFailures,
} from "./fleet.sql.ts";
import { type FleetLanes, openLanes } from "./fleet-lanes.ts";

export type FleetWork = FleetScope & {
  /** Databases at once over all servers; at most so many on each of them. */
  concurrency?: number | undefined;
  perServer?: number | undefined;
  /** Told of databases that came to the version. */
  onMigrated?: (databaseIds: readonly string[]) => Promise<void>;
  /** Told of every one that was given up; throws when no more should be begun. */
  onGivenUp?: (databaseId: string, tally: FleetTally) => Promise<void>;
  /** Milliseconds before the second attempt, doubled for each one after it. */
  retryBaseMs?: number;
};

const defaultConcurrency = 8;
const defaultPerServer = 4;
/** With a second before the second attempt, a server has half a minute to come back. */
const attempts = 6;
/** Whoever else works on a database (an export, a repair) is waited for 10 s each time, so for more than ten minutes. */
const attemptsWhenBusy = 60;
/** Counting thousands takes milliseconds. */
const reportEveryMs = 500;

/**
 * Brings databases of an application to a schema version, several at a time, until none is behind but those that this
 * operation has given up: what is wrong with one keeps nobody else from it. Who is behind is asked anew for every few
 * that are begun, so it may be interrupted at any time, and a repetition goes on where it was. What passes by itself (a
 * server that is away, a lock) is tried again. Throws what `onGivenUp` throws, once all that was begun has ended.
 */
export async function migrateFleet(
  parts: PlacementParts,
  context: StepContext,
  work: FleetWork,
): Promise<FleetTally> {
  const { operationId, db } = context;
  const holder = { appId: work.appId, process: `migrations ${operationId}` };
  const budget = openLanes(db, holder, work.perServer ?? defaultPerServer);
  const fleet: Fleet = {
    ...{ parts, context, work, budget },
    migrations: await selectMigrations(db, work.appId, work.schemaVersion),
    due: createDueQueue(db, work, operationId),
    lanes: new Set(),
    migrated: [],
    noting: Promise.resolve(),
    stopped: undefined,
    reportAfter: 0,
  };
  try {
    while (await goOn(fleet)) await Promise.race([...fleet.lanes].map(({ done }) => done));
  } finally {
    await Promise.allSettled([...fleet.lanes].map(({ done }) => done));
    await budget.close();
  }
  if (fleet.stopped) throw fleet.stopped.error;
  return selectTally(db, work, operationId);
}

/** Databases of one server and level, one after another. */
type Lane = LaneOf & { number: number; done: Promise<void> };

type Fleet = {
  parts: PlacementParts;
  context: StepContext;
  work: FleetWork;
  budget: FleetLanes;
  migrations: readonly AppMigration[];
  due: DueQueue;
  lanes: Set<Lane>;
  /** Migrated, and not noted yet. */
  migrated: string[];
  noting: Promise<void>;
  /** Why no more is begun. */
  stopped: { error: unknown } | undefined;
  reportAfter: number;
};

/** Opens what there is room for. True while something is under way. */
async function goOn(fleet: Fleet): Promise<boolean> {
  const { context, work, lanes } = fleet;
  for (;;) {
    context.signal.throwIfAborted();
    if (!fleet.stopped) await openLanesFor(fleet);
    if (lanes.size > 0) return true;
    if (fleet.stopped) return false;
    const { pending, retryInMs } = await isPending(context.db, work, context.operationId);
    if (!pending) return false;
    await delay(Math.min(retryInMs, 1_000), undefined, { signal: context.signal });
  }
}

async function openLanesFor(fleet: Fleet): Promise<void> {
  const { work, lanes, due } = fleet;
  while (lanes.size < (work.concurrency ?? defaultConcurrency)) {
    const first = await due.anywhere(await fullServers(fleet));
    if (!first) return;
    const numbers = new Set([...lanes].map((lane) => lane.number));
    let number = 1;
    while (numbers.has(number)) number += 1;
    const lane: Lane = { serverId: first.serverId, level: first.level, number, done: Promise.resolve() };
    lane.done = runLane(fleet, lane, first).finally(() => lanes.delete(lane));
    // It is waited for in time, but may fail before that.
    lane.done.catch(() => undefined);
    lanes.add(lane);
  }
}

async function fullServers({ budget, lanes }: Fleet): Promise<string[]> {
  const full: string[] = [];
  for (const [serverId, there] of Map.groupBy(lanes, (lane) => lane.serverId)) {
    if (there.length >= (await budget.on(serverId))) full.push(serverId);
  }
  return full;
}

async function runLane(fleet: Fleet, lane: Lane, first: DueDatabase): Promise<void> {
  const { parts, context, work, due, migrations } = fleet;
  let [isOpen, isThrough] = [false, false];
  let noted = Promise.resolve();
  try {
    const server = await requireServer(context.db, parts.secrets, lane.serverId);
    const request = { context, server, schema: { appId: work.appId, migrations }, lane: `${lane.number}` };
    const driver = requireDriver(parts.drivers, lane.level);
    await (driver.inLane ?? eachAlone(driver))(request, async (migrate) => {
      isOpen = true;
      for (let next: DueDatabase | undefined = first; next; next = await due.of(lane)) {
        const migrated = await migrateOne(fleet, next, migrate);
        await noted;
        if (migrated === "no, nor the next one") break;
        if (migrated === "yes") noted = note(fleet, next.id);
        // Heard when it is awaited.
        noted.catch(() => undefined);
        if (fleet.stopped) break;
        if (Date.now() > fleet.reportAfter) await report(fleet);
      }
      isThrough = true;
    });
  } catch (error) {
    context.signal.throwIfAborted();
    if (error instanceof LeaseLost || (isOpen && !isThrough)) throw error;
    // That server's others would wait for nothing, one by one. What the end of a lane left is the sweeper's.
    if (!isOpen) await noteFailures(fleet, [first, ...due.take(lane)], error);
  }
  await noted;
}

const eachAlone =
  (driver: DatabaseDriver): InLane =>
  ({ context, server, schema }, work) =>
    work((database) => driver.migrate(context, { server, schema, database }));

async function migrateOne(
  fleet: Fleet,
  database: DueDatabase,
  migrate: Migrate,
): Promise<"yes" | "no" | "no, nor the next one"> {
  const { parts, context } = fleet;
  try {
    await migrate(describeDatabase(parts, database));
    return "yes";
  } catch (error) {
    context.signal.throwIfAborted();
    if (error instanceof LeaseLost) throw error;
    await noteFailures(fleet, [database], error);
    return isAboutFile(error) ? "no" : "no, nor the next one";
  }
}

const isAboutFile = (error: unknown): boolean =>
  (["migration_failed", "migration_changed", "isolation_unavailable"] as const).some((code) =>
    hasCode(error, code),
  );

/** What comes while a note is being written goes into the next one. */
function note(fleet: Fleet, id: string): Promise<void> {
  const { context, work, due } = fleet;
  fleet.migrated.push(id);
  fleet.noting = fleet.noting.then(async () => {
    const ids = fleet.migrated.splice(0);
    if (ids.length === 0) return;
    await noteMigrated(context, ids, work.schemaVersion);
    due.settled(ids);
    await work.onMigrated?.(ids);
  });
  return fleet.noting;
}

async function noteFailures(fleet: Fleet, databases: readonly DueDatabase[], error: unknown): Promise<void> {
  const { context, work, due } = fleet;
  const databaseIds = databases.map(({ id }) => id);
  const limit = !mayPass(error) ? 0 : hasCode(error, "busy") ? attemptsWhenBusy : attempts;
  const givenUp = await context.transaction(async (tx) => {
    const { operationId } = context;
    const noted = { databaseIds, operationId, targetVersion: work.schemaVersion, error: recordError(error) };
    const tried = await upsertFailures(tx, noted);
    const idsOf = (some: typeof tried) => some.map(({ databaseId }) => databaseId);
    const later = tried.filter((one) => one.attempts < limit);
    await updateRetryAt(tx, idsOf(later), work.retryBaseMs ?? 1_000);
    return idsOf(tried.filter((one) => !later.includes(one)));
  });
  due.settled(databaseIds);
  if (givenUp.length === 0) return;
  const tally = await report(fleet);
  for (const databaseId of givenUp) {
    try {
      await work.onGivenUp?.(databaseId, tally);
    } catch (reason) {
      fleet.stopped ??= { error: reason };
    }
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
