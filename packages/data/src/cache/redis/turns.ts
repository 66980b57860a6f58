import { CacheUnavailable } from "../../errors.ts";
import type { Deadline } from "./deadline.ts";

/** Lets each environment have so many batches under way at a time; others of its own wait, nobody else's. */
export type Turns = {
  /** Resolves with what gives the turn back. Rejects with `CacheUnavailable` when too many wait, or it is too late. */
  take(who: string, deadline: Deadline): Promise<() => void>;
};

export function createTurns(atOnce: number, mostWaiting: number): Turns {
  const known = new Map<string, { active: number; waiting: Set<() => void> }>();

  return {
    async take(who, deadline) {
      const own = known.get(who) ?? { active: 0, waiting: new Set<() => void>() };
      known.set(who, own);
      if (own.active >= atOnce) {
        if (own.waiting.size >= mostWaiting)
          throw new CacheUnavailable("Too many calls to the cache wait already.");
        await new Promise<void>((resolve, reject) => {
          const giveUp = () => {
            own.waiting.delete(begin);
            reject(new CacheUnavailable("The cache has too much to do."));
          };
          const begin = () => {
            forget();
            resolve();
          };
          own.waiting.add(begin);
          const forget = deadline.onPass(giveUp);
        });
      } else own.active += 1;
      return () => {
        const [next] = own.waiting;
        if (next) {
          // The place goes on to whoever waits longest.
          own.waiting.delete(next);
          next();
        } else {
          own.active -= 1;
          if (own.active === 0) known.delete(who);
        }
      };
    },
  };
}
