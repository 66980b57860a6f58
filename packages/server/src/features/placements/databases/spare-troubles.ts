/** How long a server where building fails is left alone at most. */
const longestPauseMs = 300_000;

/** Where building spares failed. */
export type SpareTroubles = {
  ended(spare: { shelf: string; succeeded: boolean }): void;
  /** False while a shelf is left alone, longer after each failure. */
  mayBuildOn(shelf: string): boolean;
};

export function createSpareTroubles(): SpareTroubles {
  const troubles = new Map<string, { failures: number; until: number }>();
  return {
    ended({ shelf, succeeded }) {
      if (succeeded) {
        troubles.delete(shelf);
        return;
      }
      const failures = (troubles.get(shelf)?.failures ?? 0) + 1;
      const until = Date.now() + Math.min(1_000 * 2 ** failures, longestPauseMs);
      troubles.set(shelf, { failures, until });
    },
    mayBuildOn: (shelf) => (troubles.get(shelf)?.until ?? 0) <= Date.now(),
  };
}
