/**
 * Makes calls at the same time share one run of `work`. A run that is under way may have looked before the change that
 * a caller knows of, so callers wait for one that starts after they called.
 */
export function coalesced(work: () => Promise<void>): () => Promise<void> {
  let current: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;
  return () => {
    next ??= current
      // Whoever waited for the run before has been told how it failed.
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        current = work();
        return current;
      });
    return next;
  };
}
