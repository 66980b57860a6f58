import { resetAhead } from "../seal/reset.ts";
import type { DatabasePlacement } from "./connection.ts";
import type { Slot, Slots } from "./slots.ts";

/**
 * When nobody has been at work for so long, connections are reset for environments without one of their own. Not sooner: a
 * server with work to do would only have more of it, since a message of its own costs more than the reset in it.
 */
const calmMs = 2;

/** So long a connection waits for its environment to come back, before it is reset for others. */
const restMs = 5;

/** Once the last stranger came that long ago, nothing more is made ready. */
const strangersMs = 1_000;

/** The part of the budget that is kept ready; one connection at least. */
const readyShare = 0.1;

/** No environment's id. */
export const nobody = "";

export type ReadyAhead = {
  /** This environment had to take over another one's connection: the next one may have to, too. */
  passedOn(placement: DatabasePlacement): void;
  /** A connection was given back. */
  released(): void;
  /** How often a connection was reset ahead. */
  readonly resets: number;
  stop(): void;
};

/** The pool's part in it. */
type Pool = {
  slots: Slots;
  budget(): number;
  isWaitedFor(): boolean;
  giveBack(slot: Slot): void;
  statementTimeoutMs: number;
};

/**
 * Resets connections of a shared database in calm moments, so that an environment without one of its own needn't wait for
 * that. Nothing is left out: whoever comes sooner resets the connection that he gets, as ever.
 */
export function createReadyAhead(pool: Pool): ReadyAhead {
  const { slots } = pool;
  let stranger: { placement: DatabasePlacement; at: number } | undefined;
  let resets = 0;
  let stopped = false;
  // Two for all the pool's life: to make and clear one each time costs more.
  let [calm, rested] = [undefined, undefined] as (NodeJS.Timeout | undefined)[];

  const areCalled = (): boolean =>
    !stopped && stranger !== undefined && performance.now() - stranger.at < strangersMs;

  /** One after another, until enough are ready or somebody comes. */
  function readyNext(): void {
    if (!areCalled() || pool.isWaitedFor()) return;
    if (slots.count(({ state }) => state === "busy" || state === "resetting") > 0) return;
    if (slots.count(({ fresh }) => fresh) >= Math.max(1, pool.budget() * readyShare)) return;
    const slot = slots.worthReset(stranger!.placement, restMs);
    if (slot) return void reset(slot, stranger!.placement);
    rested ??= setTimeout(readyNext, restMs).unref();
    rested.refresh();
  }

  /** It is nobody's from here on, counts, and is given to nobody before it is through. */
  async function reset(slot: Slot, { seal }: DatabasePlacement): Promise<void> {
    slot.placement = { ...slot.placement, environmentId: nobody };
    slot.foundAgain = false;
    slots.use(slot, "resetting");
    try {
      await resetAhead(slot.connection!, seal!, pool.statementTimeoutMs);
      slot.fresh = true;
      resets += 1;
    } catch {
      // What was left in it kept it from being reset: nobody gets it.
      slot.retired = true;
    }
    pool.giveBack(slot);
  }

  return {
    passedOn(placement) {
      if (placement.seal && !placement.seal.pooled) stranger = { placement, at: performance.now() };
    },
    released() {
      if (!areCalled()) return;
      calm ??= setTimeout(readyNext, calmMs).unref();
      calm.refresh();
    },
    get resets() {
      return resets;
    },
    stop() {
      stopped = true;
      clearTimeout(calm);
      clearTimeout(rested);
    },
  };
}
