import { waitUntil } from "../../packages/server/src/testing/wait-until.ts";

/** Generous: these tests start whole installations and share few processor cores. */
const deadlineMs = 60_000;

/** Waits until `condition` gives a truthy value, and answers it; fails with `what` after a minute. */
export function eventually<T>(
  what: string | (() => string),
  condition: () => T | Promise<T>,
  timeoutMs = deadlineMs,
): Promise<NonNullable<T>> {
  return waitUntil(what, condition, timeoutMs);
}
