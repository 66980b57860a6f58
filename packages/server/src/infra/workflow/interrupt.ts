import { setTimeout as delay } from "node:timers/promises";
import type { Db } from "../db/index.ts";
import { breakOffTransaction } from "./interrupt.sql.ts";

/** An ordinary transaction of a step is over by then. */
const patienceMs = 100;

/**
 * Does `work`, which waits for an operation's row, and meanwhile breaks off what a running step holds the row with:
 * nobody has to wait for a step that is to be turned back.
 */
export async function interruptingStep<Result>(
  db: Db,
  operationId: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const done = new AbortController();
  // Where it can't be broken off, the wait for the step's own end is what remains.
  const interrupting = interruptUntil(done.signal, db, operationId).catch(() => undefined);
  try {
    return await work();
  } finally {
    done.abort();
    await interrupting;
  }
}

async function interruptUntil(done: AbortSignal, db: Db, operationId: string): Promise<void> {
  for (;;) {
    await delay(patienceMs, undefined, { signal: done }).catch(() => undefined);
    if (done.aborted) return;
    await breakOffTransaction(db, operationId);
  }
}
