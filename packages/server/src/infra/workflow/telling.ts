const blinkMs = 100;

/** When watchers hear of an operation's small steps forward. */
export type Telling = {
  /** Whether the write at hand is to tell them. If it isn't, they are told of it a little later. */
  isDue(): boolean;
  /** Nothing more is told later: the last write has told, or is somebody else's to tell of. */
  end(): void;
};

/**
 * Lets a write tell watchers at most every tenth of a second: each telling has every watcher read the operation, and
 * while it commits no other in the registry can tell anything.
 */
export function createTelling(tell: () => Promise<void>): Telling {
  let toldAt = Number.NEGATIVE_INFINITY;
  let later: NodeJS.Timeout | undefined;

  function end(): void {
    clearTimeout(later);
    later = undefined;
  }

  return {
    isDue() {
      const now = performance.now();
      if (now - toldAt < blinkMs) {
        later ??= setTimeout(() => {
          end();
          toldAt = performance.now();
          void tell();
        }, blinkMs);
        return false;
      }
      end();
      toldAt = now;
      return true;
    },
    end,
  };
}
