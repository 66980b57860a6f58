import { LRUCache } from "lru-cache";
import { InvalidArgument } from "../errors.ts";

export type MemoryStoreOptions = {
  /** For keys and values of all environments together; 64 MiB when left out. */
  maxBytes?: number;
  /** For one environment; a quarter of the whole when left out. */
  maxBytesPerEnvironment?: number;
  /** For one value; 1 MiB when left out. */
  maxValueBytes?: number;
  /** Milliseconds since some moment, never going back. */
  now?: () => number;
};

type Entries = LRUCache<string, string>;

/**
 * The memory that all environments of one process share. Each has entries of its own; when all together need more than
 * there is, the environment that holds most gives way first, its least recently used entries before others: a small
 * tenant keeps what it has however busy a large one is.
 */
export type MemoryStore = {
  readonly maxValueBytes: number;
  /** Reads; undefined when it isn't there or its time is over. */
  get(prefix: string, key: string): string | undefined;
  /** Keeps the entry, with the time left of an earlier one when `ttlMs` is "keep". */
  set(prefix: string, key: string, text: string, ttlMs: number | "keep" | undefined): void;
  delete(prefix: string, key: string): boolean;
  flush(prefix: string): void;
  /** Bytes held by one environment, or by all. */
  bytes(prefix?: string): number;
};

// What an entry costs beside its key and value: list links, map slot, times.
const entryOverheadBytes = 128;

export function createMemoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  const { maxBytes, maxBytesEach, maxValueBytes } = limitsOf(options);
  const now = options.now ?? (() => performance.now());
  const environments = new Map<string, Entries>();
  let total = 0;

  function open(prefix: string): Entries {
    const known = environments.get(prefix);
    if (known) return known;
    const made: Entries = new LRUCache<string, string>({
      maxSize: maxBytesEach,
      sizeCalculation: sizeOf,
      perf: { now },
      ttlResolution: 0,
    });
    environments.set(prefix, made);
    return made;
  }

  // Every use may drop entries (their time is over, room is needed), so the sum is kept around each.
  function use<Result>(entries: Entries, work: () => Result): Result {
    const before = entries.calculatedSize;
    const result = work();
    total += entries.calculatedSize - before;
    return result;
  }

  function makeRoom(): void {
    while (total > maxBytes) {
      const largest = findLargest(environments);
      // Down to nine tenths of its size, so that the largest needn't be found anew for every entry.
      const target = largest.calculatedSize * 0.9;
      use(largest, () => {
        while (largest.calculatedSize > target) largest.pop();
      });
    }
  }

  return {
    maxValueBytes,
    get(prefix, key) {
      const entries = environments.get(prefix);
      return entries && use(entries, () => entries.get(key));
    },
    set(prefix, key, text, ttlMs) {
      const entries = open(prefix);
      const left = ttlMs === "keep" && entries.has(key) ? entries.getRemainingTTL(key) : ttlMs;
      const ttl = typeof left === "number" && Number.isFinite(left) ? left : 0;
      use(entries, () => entries.set(key, text, { ttl }));
      makeRoom();
    },
    delete(prefix, key) {
      const entries = environments.get(prefix);
      if (!entries) return false;
      const present = entries.has(key);
      use(entries, () => entries.delete(key));
      if (entries.size === 0) environments.delete(prefix);
      return present;
    },
    flush(prefix) {
      const entries = environments.get(prefix);
      if (entries) use(entries, () => entries.clear());
      environments.delete(prefix);
    },
    bytes: (prefix) => (prefix === undefined ? total : (environments.get(prefix)?.calculatedSize ?? 0)),
  };
}

function limitsOf(options: MemoryStoreOptions) {
  const maxBytes = options.maxBytes ?? 64 * 1024 * 1024;
  const maxBytesEach = options.maxBytesPerEnvironment ?? Math.ceil(maxBytes / 4);
  const maxValueBytes = options.maxValueBytes ?? Math.min(1024 * 1024, Math.floor(maxBytesEach / 4));
  // A value counts twice its bytes at most, and stands beside its key.
  if (!(2 * maxValueBytes + 2048 <= maxBytesEach && maxBytesEach <= maxBytes)) {
    throw new InvalidArgument(
      "The cache needs 2 × maxValueBytes + 2048 ≤ maxBytesPerEnvironment ≤ maxBytes.",
    );
  }
  return { maxBytes, maxBytesEach, maxValueBytes };
}

function sizeOf(text: string, key: string): number {
  // Two bytes a character is what the engine needs at most.
  return 2 * (text.length + key.length) + entryOverheadBytes;
}

function findLargest(environments: Map<string, Entries>): Entries {
  let largest: Entries | undefined;
  for (const entries of environments.values()) {
    if (!largest || entries.calculatedSize > largest.calculatedSize) largest = entries;
  }
  return largest!;
}
