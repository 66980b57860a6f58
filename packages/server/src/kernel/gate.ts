import { failure } from "./errors.ts";

/** Lets so many pieces of work through at once, so many wait, and turns the rest away. */
export type Gate = {
  /** Runs `work` when its turn comes; throws `busy` when too many wait already. */
  run<Result>(work: () => Promise<Result>): Promise<Result>;
};

export function createGate(limits: { concurrency: number; waiting: number }): Gate {
  const queue: (() => void)[] = [];
  let running = 0;

  async function enter(): Promise<void> {
    if (running < limits.concurrency) {
      running += 1;
      return;
    }
    if (queue.length >= limits.waiting) throw failure("busy", { retryAfterSeconds: 1 });
    // Whoever leaves hands their place on: `running` stays as it is.
    await new Promise<void>((resolve) => queue.push(resolve));
  }

  function leave(): void {
    const next = queue.shift();
    if (next) next();
    else running -= 1;
  }

  return {
    async run(work) {
      await enter();
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}
