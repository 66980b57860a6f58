export type Coalesced = {
  /** Runs `work`, or waits for a run that starts after this call. */
  run(): Promise<void>;
  /** Resolves when the run that is under way, if any, is over, however it ended. */
  settled(): Promise<void>;
};

/**
 * Makes calls at the same time share one run of `work`. A run that is under way may have looked before the change that
 * a caller knows of, so callers wait for one that starts after they called.
 */
export function coalesced(work: () => Promise<void>): Coalesced {
  let current: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;
  // Whoever waited for a run has been told how it failed.
  const settled = () => current.catch(() => undefined);
  return {
    run() {
      next ??= settled().then(() => {
        next = undefined;
        current = work();
        return current;
      });
      return next;
    },
    settled,
  };
}
