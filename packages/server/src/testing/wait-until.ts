import { setTimeout as delay } from "node:timers/promises";

/** Waits until `condition` gives a truthy value, and returns it; fails with `what` after the deadline. */
export async function waitUntil<T>(
  what: string | (() => string),
  condition: () => T | Promise<T>,
  timeoutMs = 30_000,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value) return value as NonNullable<T>;
    if (performance.now() > deadline) {
      throw new Error(`Still not true after ${timeoutMs} ms: ${typeof what === "string" ? what : what()}`);
    }
    await delay(10);
  }
}

/**
 * How long something takes, in milliseconds: tried until it took less than `enoughMs`, five times at most, since other work
 * on the machine makes single ones longer. The shortest is answered.
 */
export async function shortest(enoughMs: number, work: () => Promise<unknown>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 5 && least >= enoughMs; attempt += 1) {
    const startedAt = performance.now();
    await work();
    least = Math.min(least, performance.now() - startedAt);
  }
  return least;
}
