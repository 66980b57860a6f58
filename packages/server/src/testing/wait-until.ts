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
