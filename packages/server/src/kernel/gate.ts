import { failure } from "./errors.ts";
import { Shares } from "./shares.ts";

/** Lets so many pieces of work through at once, so many wait, and turns the rest away. */
export type Gate = {
  /**
   * Runs `work` when its turn comes; throws `busy` when too many wait already. Those for whom work waits take turns, and
   * one for whom much waits leaves places to the others.
   */
  run<Result>(work: () => Promise<Result>, whose?: string): Promise<Result>;
};

export function createGate(limits: { concurrency: number; waiting: number }): Gate {
  /** Whose turn it is stands first. */
  const queues = new Map<string, (() => void)[]>();
  const places = new Shares(limits.waiting);
  let running = 0;

  async function enter(whose: string): Promise<void> {
    if (running < limits.concurrency) {
      running += 1;
      return;
    }
    if (!places.mayTake(whose)) throw failure("busy", { retryAfterSeconds: 1 });
    places.take(whose);
    // Whoever leaves hands their place on: `running` stays as it is.
    await new Promise<void>((resolve) => {
      const queue = queues.get(whose) ?? [];
      queues.set(whose, queue);
      queue.push(resolve);
    });
  }

  function leave(): void {
    for (const [whose, queue] of queues) {
      queues.delete(whose);
      const next = queue.shift()!;
      if (queue.length > 0) queues.set(whose, queue);
      places.giveBack(whose);
      next();
      return;
    }
    running -= 1;
  }

  return {
    async run(work, whose = "") {
      await enter(whose);
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}
