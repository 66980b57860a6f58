/** How long a server where building fails is left alone at most. */
const longestPauseMs = 300_000;

/** What was taken in this time is expected to be taken again. */
const memoryMs = 600_000;

/** What a keeper of spares has been told: what was taken, and where building failed. */
export type SpareDemand = {
  taken(appId: string, level: string): void;
  takenLately(appId: string, level: string): number;
  ended(spare: { shelf: string; succeeded: boolean }): void;
  /** False while a shelf is left alone, longer after each failure. */
  mayBuildOn(shelf: string): boolean;
};

export function createSpareDemand({ atMost }: { atMost: number }): SpareDemand {
  const takenAt = new Map<string, number[]>();
  const troubles = new Map<string, { failures: number; until: number }>();
  return {
    taken(appId, level) {
      const key = `${level} ${appId}`;
      takenAt.set(key, [...(takenAt.get(key) ?? []), Date.now()].slice(-atMost));
    },
    takenLately(appId, level) {
      const since = Date.now() - memoryMs;
      return (takenAt.get(`${level} ${appId}`) ?? []).filter((time) => time > since).length;
    },
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
