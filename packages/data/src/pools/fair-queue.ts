/**
 * Who waits, by environment: each environment's waiters in the order they came, the environments in turn. One with a
 * thousand waiters gets its turn no more often than one with a single waiter.
 */
export type FairQueue<Waiter extends { environmentId: string }> = {
  readonly size: number;
  push(waiter: Waiter): void;
  /** Takes the first of this environment, whose turn is then over. */
  shift(environmentId: string): Waiter | undefined;
  /** Takes this one, wherever it stands; false when it doesn't wait. */
  remove(waiter: Waiter): boolean;
  countOf(environmentId: string): number;
  first(environmentId: string): Waiter | undefined;
  /** The environments with waiters, the one whose turn it is first. */
  turns(): string[];
  /** Takes the newest waiter of the environment that has most: whom to refuse when there are too many. */
  popFromLongest(): Waiter | undefined;
  /** Takes all that fit. */
  takeAll(fits: (waiter: Waiter) => boolean): Waiter[];
};

export function createFairQueue<Waiter extends { environmentId: string }>(): FairQueue<Waiter> {
  // A Map keeps its keys in the order they were set: taking a key out and setting it again is "to the end of the line".
  const lines = new Map<string, Waiter[]>();
  let size = 0;

  function shorten(environmentId: string, line: Waiter[], index: number): Waiter | undefined {
    const [waiter] = line.splice(index, 1);
    if (waiter) size -= 1;
    if (line.length === 0) lines.delete(environmentId);
    return waiter;
  }

  return {
    get size() {
      return size;
    },
    push(waiter) {
      const line = lines.get(waiter.environmentId);
      if (line) line.push(waiter);
      else lines.set(waiter.environmentId, [waiter]);
      size += 1;
    },
    shift(environmentId) {
      const line = lines.get(environmentId);
      if (!line) return undefined;
      lines.delete(environmentId);
      lines.set(environmentId, line);
      return shorten(environmentId, line, 0);
    },
    remove(waiter) {
      const line = lines.get(waiter.environmentId);
      const index = line?.indexOf(waiter) ?? -1;
      if (!line || index < 0) return false;
      shorten(waiter.environmentId, line, index);
      return true;
    },
    countOf: (environmentId) => lines.get(environmentId)?.length ?? 0,
    first: (environmentId) => lines.get(environmentId)?.[0],
    turns: () => [...lines.keys()],
    popFromLongest() {
      let longest: [string, Waiter[]] | undefined;
      for (const entry of lines) {
        // At equal length the later one, so that who came first keeps its place.
        if (!longest || entry[1].length >= longest[1].length) longest = entry;
      }
      return longest && shorten(longest[0], longest[1], longest[1].length - 1);
    },
    takeAll(fits) {
      const taken = [...lines.values()].flat().filter(fits);
      for (const waiter of taken) this.remove(waiter);
      return taken;
    },
  };
}
