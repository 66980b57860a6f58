import {
  type Connection,
  type ConnectionOptions,
  type DatabasePlacement,
  openConnection,
} from "./connection.ts";

/** One backend that counts against the budget: from before it is opened until the server has let it go. */
export type Slot = {
  /** Whom it serves; another environment's, once it was handed on. */
  placement: DatabasePlacement;
  state: "opening" | "idle" | "busy" | "resetting" | "closing";
  connection?: Connection;
  /** Its environment has come back to it, or it was made ahead for it. */
  foundAgain: boolean;
  /** Reset since it was last used: of use to whoever shares its database. */
  fresh: boolean;
  /** Its placement was retired: closed instead of becoming idle. */
  retired: boolean;
  /** Since when it serves whoever can use it as it is: it was opened then, or rested last. By `performance.now()`. */
  turnSince: number;
  idleTimer?: NodeJS.Timeout;
};

export type Slots = {
  /** Backends that count, those on their way in and out included. */
  readonly size: number;
  count(fits: (slot: Slot) => boolean): number;
  all(): Iterable<Slot>;
  /** The one that has been idle for longest. */
  oldestIdle(): Slot | undefined;
  /** The environment's idle one that was used last. */
  idleOf(environmentId: string): Slot | undefined;
  /**
   * An idle one of another environment in the same shared database: one that is reset already; else the one used last of
   * those whose environment hasn't found them again yet. Strangers pass a few connections on to each other that way, whose
   * backends stay warm, and leave alone those that somebody comes back to; of these, the one that has been idle for longest.
   */
  idleBeside(placement: DatabasePlacement): Slot | undefined;
  /**
   * The one of these to reset for whoever comes next: the one that has been idle for longest, and for `restMs` at least, of
   * those whose environment hasn't found them again; else of the others, if there are many and it was long ago.
   */
  worthReset(placement: DatabasePlacement, restMs: number): Slot | undefined;
  /** Counts at once; resolves when connected, or rejects and counts no more. */
  open(placement: DatabasePlacement): Promise<Slot>;
  use(slot: Slot, state?: "busy" | "resetting"): void;
  rest(slot: Slot): void;
  /** Begins to close. It counts until the server has let it go. */
  close(slot: Slot): void;
  has(slot: Slot): boolean;
};

/** The backends of one server. `left` is called whenever one stopped counting that had been connected. */
export function createSlots(options: ConnectionOptions & { idleMs: number }, left: () => void): Slots {
  const slots = new Set<Slot>();
  /** In the order they became idle. */
  const idle = new Set<Slot>();

  function leave(slot: Slot): void {
    idle.delete(slot);
    clearTimeout(slot.idleTimer);
  }

  function close(slot: Slot): void {
    leave(slot);
    slot.state = "closing";
    void slot.connection!.close();
  }

  return {
    get size() {
      return slots.size;
    },
    count(fits) {
      let sum = 0;
      for (const slot of slots) if (fits(slot)) sum += 1;
      return sum;
    },
    all: () => [...slots],
    oldestIdle: () => idle.values().next().value,
    idleOf(environmentId) {
      let last: Slot | undefined;
      for (const slot of idle) {
        // One that broke a moment ago may still be here until its end is heard of.
        if (slot.placement.environmentId === environmentId && !slot.connection!.isBroken()) last = slot;
      }
      return last;
    },
    idleBeside: (placement) => chooseForStranger(idle, placement),
    worthReset: (placement, restMs) => chooseForReset(idle, placement, restMs),
    async open(placement) {
      const slot = newSlot(placement);
      slots.add(slot);
      try {
        slot.connection = await openConnection(placement, options);
      } catch (error) {
        slots.delete(slot);
        throw error;
      }
      slot.turnSince = performance.now();
      slot.connection.onGone(() => {
        leave(slot);
        slots.delete(slot);
        left();
      });
      return slot;
    },
    use(slot, state = "busy") {
      idle.delete(slot);
      slot.state = state;
    },
    rest(slot) {
      slot.state = "idle";
      slot.turnSince = performance.now();
      idle.add(slot);
      // One for all its life, which goes off in vain when the slot is busy: to make and clear one each time costs more.
      slot.idleTimer ??= setTimeout(() => {
        if (slot.state === "idle") close(slot);
      }, options.idleMs).unref();
      slot.idleTimer.refresh();
    },
    close,
    has: (slot) => slots.has(slot),
  };
}

function newSlot(placement: DatabasePlacement): Slot {
  return { placement, state: "opening", retired: false, foundAgain: true, fresh: false, turnSince: 0 };
}

function chooseForStranger(idle: ReadonlySet<Slot>, placement: DatabasePlacement): Slot | undefined {
  const { fresh, warmest, longest } = foundBeside(idle, placement);
  return fresh ?? warmest ?? longest;
}

function chooseForReset(
  idle: ReadonlySet<Slot>,
  placement: DatabasePlacement,
  restMs: number,
): Slot | undefined {
  const { longest, coldest } = foundBeside(idle, placement);
  const hasRested = (slot: Slot | undefined, forMs: number): boolean =>
    slot !== undefined && performance.now() - slot.turnSince >= forMs;
  if (hasRested(coldest, restMs)) return coldest;
  return idle.size >= many && hasRested(longest, longAgoMs) ? longest : undefined;
}

/** So many idle ones, that one less for those who come back is no great loss. */
const many = 4;
const longAgoMs = 1_000;

/**
 * Idle ones in the same database: reset already; used last and longest ago by somebody who hasn't come back to it; idle for
 * longest.
 */
function foundBeside(idle: Iterable<Slot>, placement: DatabasePlacement) {
  const found: { fresh?: Slot; warmest?: Slot; coldest?: Slot; longest?: Slot } = {};
  for (const slot of idle) {
    if (!sharesDatabase(slot.placement, placement) || slot.connection!.isBroken()) continue;
    if (slot.fresh) {
      found.fresh = slot;
      continue;
    }
    found.longest ??= slot;
    if (slot.foundAgain) continue;
    found.coldest ??= slot;
    found.warmest = slot;
  }
  return found;
}

/** Whether two environments' rows lie in one database, so that they can use each other's connections. */
export function sharesDatabase(one: DatabasePlacement, other: DatabasePlacement): boolean {
  return one.seal !== undefined && one.seal.databaseId === other.seal?.databaseId && one.url === other.url;
}
