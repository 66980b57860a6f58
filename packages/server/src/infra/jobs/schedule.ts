import { setTimeout as delay } from "node:timers/promises";
import type { Db } from "../db/index.ts";
import type { Log } from "../log/index.ts";
import { claimDueJob } from "./schedule.sql.ts";

export type Schedule = {
  /**
   * Runs `job` every `everyMs` milliseconds on one node of all that schedule it under that name: at once when it never
   * ran before, then by the database's clock. A run that fails is logged and comes again next time; one that a dying
   * node cut short as well, so it must be safe to repeat. Keep `everyMs` well above what a run takes.
   */
  every(name: string, everyMs: number, job: (signal: AbortSignal) => Promise<unknown>): void;
  /** Runs `job` now, on this node, whatever others do. A run that fails is logged. */
  once(name: string, job: (signal: AbortSignal) => Promise<unknown>): void;
  /** Aborts the signal of jobs at work and waits for them. Repeatable. */
  close(): Promise<void>;
};

/** The longest time without a look at the date: it may have been moved. */
const longestSleepMs = 60_000;

export function createSchedule({ db, log }: { db: Db; log: Log }): Schedule {
  const closing = new AbortController();
  const loops: Promise<void>[] = [];

  async function loop(name: string, everyMs: number, job: (signal: AbortSignal) => Promise<unknown>) {
    while (!closing.signal.aborted) {
      let nextInMs = everyMs;
      try {
        const claimed = await claimDueJob(db, name, everyMs);
        nextInMs = claimed.nextInMs;
        if (claimed.isOurs) await job(closing.signal);
      } catch (error) {
        log.error({ job: name, error }, "job.failed");
      }
      const sleepMs = Math.min(nextInMs, longestSleepMs);
      await delay(sleepMs, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  }

  return {
    every(name, everyMs, job) {
      loops.push(loop(name, everyMs, job));
    },
    once(name, job) {
      loops.push(
        job(closing.signal).then(undefined, (error) => log.error({ job: name, error }, "job.failed")),
      );
    },
    async close() {
      closing.abort();
      await Promise.all(loops);
    },
  };
}
