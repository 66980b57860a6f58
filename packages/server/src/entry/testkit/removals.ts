import type { Log } from "../../infra/log/index.ts";

/** What is removed when there is nothing better to do: dropping a database holds up the whole server for a moment. */
export type Removals = {
  add(remove: () => Promise<void>): void;
  /** Does `work`, during which removals wait, unless very many do already. */
  during<Result>(work: () => Promise<Result>): Promise<Result>;
  /** How many are still to be done. */
  left(): number;
};

const mostWaiting = 100;

export function createRemovals({ log, signal }: { log: Log; signal: AbortSignal }): Removals {
  const waiting: (() => Promise<void>)[] = [];
  let working = 0;
  let removing = 0;

  function mayRemove(): boolean {
    if (removing > 0 || waiting.length === 0 || signal.aborted) return false;
    return working === 0 || waiting.length > mostWaiting;
  }

  async function wake(): Promise<void> {
    while (mayRemove()) {
      const remove = waiting.shift()!;
      removing = 1;
      await remove().catch((error: unknown) => {
        if (!signal.aborted) log.warn({ err: error }, "place.not_removed");
      });
      removing = 0;
    }
  }

  return {
    add(remove) {
      waiting.push(remove);
      void wake();
    },
    async during(work) {
      working += 1;
      try {
        return await work();
      } finally {
        working -= 1;
        void wake();
      }
    },
    left: () => waiting.length + removing,
  };
}
