import { setTimeout as delay } from "node:timers/promises";

type End = () => Promise<unknown>;

/**
 * What runs, in the order in which it must end: whatever brings requests and work stops while everything that answers
 * them still runs, then applications' processes, then the API that those speak to, at last what all of it stands on.
 */
export type Shutdown = {
  /** True from the first moment of `drain` on. */
  isDraining(): boolean;
  /** Tells that this node is about to stop (`/readyz` does), and lets others learn of it for `delayMs`. Repeatable. */
  drain(delayMs: number): Promise<void>;
  /** Ended at the same time, first of all. */
  readonly traffic: End[];
  readonly applications: End[];
  readonly api: End[];
  /** Ended last, the latest first. */
  readonly base: AsyncDisposableStack;
  /** Ends everything, also when some of it fails to end; rejects with what failed. Repeatable. */
  end(): Promise<void>;
};

export function createShutdown(): Shutdown {
  const base = new AsyncDisposableStack();
  const [traffic, applications, api]: [End[], End[], End[]] = [[], [], []];
  let draining: Promise<void> | undefined;
  let ending: Promise<void> | undefined;

  async function endAll(): Promise<void> {
    const failures: unknown[] = [];
    for (const layer of [traffic, applications, api, [() => base.disposeAsync()]]) {
      const results = await Promise.allSettled(layer.map(async (end) => end()));
      failures.push(...results.flatMap((result) => (result.status === "rejected" ? [result.reason] : [])));
    }
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, "Several parts didn't end in order.");
  }

  return {
    isDraining: () => draining !== undefined,
    async drain(delayMs) {
      draining ??= delay(delayMs);
      await draining;
    },
    traffic,
    applications,
    api,
    base,
    async end() {
      ending ??= endAll();
      await ending;
    },
  };
}
