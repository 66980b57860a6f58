import { setTimeout as delay } from "node:timers/promises";
import type { Notifications } from "../db/index.ts";

/** Announcements may get lost with a connection: look at least this often. */
const lookEveryMs = 1_000;

/**
 * Yields at once, and then whenever the operation may have changed (it says so, or a second has passed): look at it
 * each time. Changes that come while the consumer is busy are one. Ends when `signal` aborts.
 */
export async function* watchOperation(
  notifications: Notifications,
  operationId: string,
  signal: AbortSignal,
): AsyncGenerator<void> {
  let changed = new AbortController();
  const stopHearing = notifications.on("tenantry_operation", (id) => {
    if (id === operationId) changed.abort();
  });
  try {
    while (!signal.aborted) {
      changed = new AbortController();
      yield;
      const wakes = AbortSignal.any([signal, changed.signal]);
      await delay(lookEveryMs, undefined, { signal: wakes }).catch(() => undefined);
    }
  } finally {
    stopHearing();
  }
}
