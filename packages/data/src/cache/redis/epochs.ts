import { randomBytes } from "node:crypto";
import { LRUCache } from "lru-cache";
import { CacheUnavailable } from "../../errors.ts";
import type { RedisCommand, RedisReply } from "./connection.ts";

type Run = (commands: readonly RedisCommand[]) => Promise<RedisReply[]>;
type Build = (start: string) => readonly RedisCommand[];
/** Removes what the commands wrote in an epoch that was over: nobody would find it, and it would take room. */
type Clear = (start: string) => RedisCommand;

/**
 * A space of keys that can be emptied at once, by whoever may not even list them: its keys carry the space's epoch, which
 * stands in a key of its own, and whoever empties the space removes that key. Each call asks for the epoch in the same
 * batch, so that all processes work in the same one from that moment on.
 */
export type Epochs = {
  /** Runs the commands in the space's present epoch: `build` gets what keys begin with. */
  within(space: string, run: Run, build: Build, clear?: Clear): Promise<RedisReply[]>;
  /** The command that empties the space. Needs no memory, so that a full server can be emptied. */
  end(space: string): RedisCommand;
};

// The epoch that is known is the right one unless somebody emptied the space since; two of them at once is rare already.
const mostTries = 4;

export function createEpochs(): Epochs {
  const known = new LRUCache<string, string>({ max: 20_000 });

  async function begin(space: string, run: Run): Promise<string> {
    // By chance, so that an epoch that was lost never comes back with what lay in it.
    const made = randomBytes(9).toString("base64url");
    const [set, epoch] = await run([
      ["SET", space, made, "NX"],
      ["GET", space],
    ]);
    if (typeof epoch === "string") return epoch;
    throw new CacheUnavailable("The cache takes nothing in.", { cause: set });
  }

  return {
    async within(space, run, build, clear) {
      const leavings: RedisCommand[] = [];
      let epoch = known.get(space) ?? (await begin(space, run));
      for (let tries = 0; tries < mostTries; tries += 1) {
        known.set(space, epoch);
        const start = `${space}:${epoch}:`;
        const cleared = leavings.length;
        const [present, ...replies] = await run([["GET", space], ...leavings, ...build(start)]);
        if (present === epoch) return replies.slice(cleared);
        leavings.splice(0, cleared, ...(clear ? [clear(start)] : []));
        epoch = typeof present === "string" ? present : await begin(space, run);
      }
      known.delete(space);
      if (leavings.length > 0) await run(leavings);
      throw new CacheUnavailable("The cache is emptied all the time.");
    },
    end(space) {
      known.delete(space);
      return ["UNLINK", space];
    },
  };
}
