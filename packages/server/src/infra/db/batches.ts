import { setTimeout as delay } from "node:timers/promises";

const batchSize = 1_000;

/**
 * Removes rows a thousand at a time until `remove` finds fewer, and answers how many went. After each batch it rests as
 * long as the batch took, so that the registry serves others meanwhile. Stops early, without an error, on `signal`.
 */
export async function removeInBatches(
  remove: (limit: number) => Promise<number>,
  signal: AbortSignal,
): Promise<number> {
  let total = 0;
  while (!signal.aborted) {
    const startedAt = performance.now();
    const removed = await remove(batchSize);
    total += removed;
    if (removed < batchSize) break;
    await delay(performance.now() - startedAt, undefined, { signal }).catch(() => undefined);
  }
  return total;
}
