import { LRUCache } from "lru-cache";
import type { Columns } from "./rows.ts";

/** A statement as it goes out: under a name, which stands already or is given with it; or under none. */
export type Prepared = {
  readonly name: string;
  readonly standing: boolean;
  /** Its rows, as the server described them last. */
  described?: { bytes: Buffer; columns: Columns };
};

/**
 * The statements that stand prepared on one connection, as far as we know: parsed once, and planned no more than a few
 * times. Names are never used twice, so one that turns out to be gone or taken does no more harm than a parse.
 */
export type PreparedStatements = {
  /** The name for a text; undefined for one that has been seen too seldom. `always` for one that is sure to come again. */
  find(text: string, options?: { always?: boolean }): Prepared | undefined;
  /** The server has it now. Forgets the one that hasn't been used for longest when there are too many. */
  keep(text: string, name: string): void;
  /** It isn't known to stand any more, or must not be used again. */
  drop(text: string, name: string): void;
  /** As after DISCARD ALL. */
  dropAll(): void;
  /** Names for the server to forget, once. */
  takeObsolete(): string[];
};

const most = 100;
const longest = 10_000;
const worthPreparing = /^\s*(select|insert|update|delete|merge|with|values)\b/i;

/** Texts that were seen once, by all connections of the process: those with values in them never come again. */
const seen = new LRUCache<string, true>({
  max: 5_000,
  maxSize: 4_000_000,
  sizeCalculation: (_, text) => text.length + 1,
});

/** For a connection on which nothing stands beyond a transaction. */
export const noPreparedStatements: PreparedStatements = {
  find: () => undefined,
  keep: () => undefined,
  drop: () => undefined,
  dropAll: () => undefined,
  takeObsolete: () => [],
};

export function createPreparedStatements(): PreparedStatements {
  const standing = new Map<string, Prepared & { usedAt: number }>();
  let uses = 0;
  let obsolete: string[] = [];
  let count = 0;

  function isHot(text: string): boolean {
    if (text.length > longest || !worthPreparing.test(text)) return false;
    if (seen.has(text)) return true;
    seen.set(text, true);
    return false;
  }

  /** Looked for then alone: to keep them in order would cost something each time. */
  function forgetOldest(): void {
    let oldest: string | undefined;
    let usedAt = Number.POSITIVE_INFINITY;
    for (const [text, statement] of standing) {
      if (statement.usedAt < usedAt) [oldest, usedAt] = [text, statement.usedAt];
    }
    obsolete.push(standing.get(oldest!)!.name);
    standing.delete(oldest!);
  }

  return {
    find(text, { always = false } = {}) {
      const found = standing.get(text);
      if (found) {
        found.usedAt = uses++;
        return found;
      }
      if (!always && !isHot(text)) return undefined;
      count += 1;
      return { name: `tenantry_${count}`, standing: false };
    },
    keep(text, name) {
      standing.set(text, { name, standing: true, usedAt: uses++ });
      if (standing.size > most) forgetOldest();
    },
    drop(text, name) {
      standing.delete(text);
      obsolete.push(name);
    },
    dropAll() {
      standing.clear();
      obsolete = [];
    },
    takeObsolete() {
      const taken = obsolete;
      if (taken.length > 0) obsolete = [];
      return taken;
    },
  };
}
