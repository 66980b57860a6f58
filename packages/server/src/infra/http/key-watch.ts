import type { Log } from "../log/index.ts";

/** Which of these keys, by their ids, may still be used. */
export type FindGoodKeys = (keyIds: readonly string[]) => Promise<ReadonlySet<string>>;

export type KeyWatch = {
  /** Aborts when the key isn't good any more, a second or so after that came true. Watches until `over` aborts. */
  whileGood(keyId: string, over: AbortSignal): AbortSignal;
};

const lookEveryMs = 1_000;

/**
 * Lets what goes on for long end with the right of the key it began with: one look at all the keys a second, and none
 * while nothing goes on. While the registry doesn't answer, nobody's right ends.
 */
export function createKeyWatch({ findGoodKeys, log }: { findGoodKeys: FindGoodKeys; log: Log }): KeyWatch {
  const watched = new Map<string, Set<AbortController>>();
  let isLooking = false;
  let failing = false;

  async function look(): Promise<void> {
    const keyIds = [...watched.keys()];
    try {
      const good = await findGoodKeys(keyIds);
      failing = false;
      for (const keyId of keyIds)
        if (!good.has(keyId)) for (const one of watched.get(keyId) ?? []) one.abort();
    } catch (error) {
      if (!failing) log.warn({ error: (error as Error).message }, "http.keys_unknown");
      failing = true;
    }
    isLooking = false;
    lookSoon();
  }

  function lookSoon(): void {
    if (isLooking || watched.size === 0) return;
    isLooking = true;
    setTimeout(look, lookEveryMs).unref();
  }

  return {
    whileGood(keyId, over) {
      const controller = new AbortController();
      if (over.aborted) return controller.signal;
      const ofKey = watched.get(keyId) ?? new Set();
      watched.set(keyId, ofKey.add(controller));
      const leave = (): void => {
        ofKey.delete(controller);
        if (ofKey.size === 0 && watched.get(keyId) === ofKey) watched.delete(keyId);
      };
      over.addEventListener("abort", leave, { once: true });
      lookSoon();
      return controller.signal;
    },
  };
}
