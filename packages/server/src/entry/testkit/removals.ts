import type { Log } from "../../infra/log/index.ts";

/** What is removed when there is nothing better to do: dropping a database holds up the whole server for a moment. */
export type Removals = {
  /** `mostWaiting`: how many of its kind there is room for until then. */
  add(remove: () => Promise<void>, mostWaiting: number): void;
  /** Does `work`; while such work comes, removals wait as long as there is room. */
  during<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Nobody is there any more: removes at once. */
  quiet(): void;
  /** How many are still to be done. */
  left(): number;
};

/** Tests that come one after another have shorter breaks. */
const breakMs = 500;

export function createRemovals({ log, signal }: { log: Log; signal: AbortSignal }): Removals {
  const waiting: { remove: () => Promise<void>; room: number }[] = [];
  let isBusy = false;
  let pause: NodeJS.Timeout | undefined;
  let removing = 0;

  function mayRemove(): boolean {
    if (removing > 0 || waiting.length === 0 || signal.aborted) return false;
    return !isBusy || waiting.reduce((sum, { room }) => sum + room, 0) > 1;
  }

  async function wake(): Promise<void> {
    while (mayRemove()) {
      const { remove } = waiting.shift()!;
      removing = 1;
      await remove().catch((error: unknown) => {
        if (!signal.aborted) log.warn({ err: error }, "place.not_removed");
      });
      removing = 0;
    }
  }

  function quiet(): void {
    clearTimeout(pause);
    isBusy = false;
    void wake();
  }

  return {
    add(remove, mostWaiting) {
      waiting.push({ remove, room: 1 / mostWaiting });
      void wake();
    },
    async during(work) {
      isBusy = true;
      clearTimeout(pause);
      try {
        return await work();
      } finally {
        clearTimeout(pause);
        pause = setTimeout(quiet, breakMs);
      }
    },
    quiet,
    left: () => waiting.length + removing,
  };
}
