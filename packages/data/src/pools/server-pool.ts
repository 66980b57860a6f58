import { PlacementRetired, PoolExhausted } from "../errors.ts";
import type { Connection, ConnectionOptions, DatabasePlacement } from "./connection.ts";
import { createFairQueue } from "./fair-queue.ts";
import { createReadyAhead, nobody } from "./ready-ahead.ts";
import { createSlots, type Slot, sharesDatabase } from "./slots.ts";

export type PoolLimits = ConnectionOptions & {
  budgets: (serverId: string) => number;
  /** The part of a server's budget that one environment may hold, 0 to 1. */
  environmentShare: number;
  maxWaiters: number;
  waitTimeoutMs: number;
  idleMs: number;
};

export type PoolStats = {
  serverId: string;
  budget: number;
  /** Backends held, those on their way in and out included: never above the budget, unless that has just shrunk. */
  open: number;
  busy: number;
  waiting: number;
  /** Since the beginning: how often a connection was handed out, … */
  leases: number;
  /** … how many of these had served another environment of the same database before, … */
  passedOn: number;
  /** … how many connections were opened, … */
  opened: number;
  /** … and how often one was reset ahead of need, for whoever in its shared database would come next. */
  resetAhead: number;
};

/** A backend for one piece of work. Give it back by `release` once it is ready again: repeatable. */
export type Lease = { readonly connection: Connection; release(): void };

type Waiter = {
  readonly environmentId: string;
  readonly placement: DatabasePlacement;
  give(slot: Slot): void;
  fail(error: unknown): void;
};

/**
 * How long a connection serves those who can use it as it is, before it is closed for somebody who needs another one.
 * Making one costs several milliseconds of the server's: with everybody strictly in turn, a full house would do little
 * else. In proportion to the budget, so that no more than about 200 are made in a second.
 */
const turnMs = (budget: number): number => Math.min(250, Math.max(50, budget * 5));

/** The part of the budget up to which connections are made ahead, for environments that take over others' repeatedly. */
const aheadShare = 0.8;

/** When one of them couldn't be made. */
const aheadAgainMs = 1_000;

const isClosing = (slot: Slot): boolean => slot.state === "closing";

/** Environments are remembered that took over a connection: so many. */
const mostPassers = 10_000;

const isOpeningFor = (slot: Slot, environmentId: string): boolean =>
  slot.state === "opening" && slot.placement.environmentId === environmentId;

/** The connections to one database server, and who waits for one. */
export class ServerPool {
  readonly #serverId: string;
  readonly #limits: PoolLimits;
  readonly #queue = createFairQueue<Waiter>();
  readonly #slots;
  readonly #emptied = Promise.withResolvers<void>();
  #closed = false;
  readonly #counted = { leases: 0, passedOn: 0, opened: 0 };
  /** Who has taken over a connection of another's, the earliest first. */
  readonly #passers = new Set<string>();
  /** By `performance.now()`; for ever while one is being made. */
  #noneAheadUntil = 0;
  readonly #ready;

  constructor(serverId: string, limits: PoolLimits) {
    this.#serverId = serverId;
    this.#limits = limits;
    this.#slots = createSlots(limits, () => this.#settle());
    this.#ready = createReadyAhead({
      slots: this.#slots,
      budget: () => this.#budget(),
      isWaitedFor: () => this.#queue.size > 0,
      giveBack: (slot) => this.#giveBack(slot),
      statementTimeoutMs: limits.statementTimeoutMs,
    });
  }

  async lease(placement: DatabasePlacement, signal: AbortSignal | undefined): Promise<Lease> {
    return this.leaseReady(placement, signal) ?? this.#waitFor(placement, signal);
  }

  /** Without waiting, when nobody else waits and there is one to be used. */
  leaseReady(placement: DatabasePlacement, signal: AbortSignal | undefined): Lease | undefined {
    signal?.throwIfAborted();
    if (this.#closed) throw closingDown();
    const idle = this.#queue.size === 0 ? this.#idleFor(placement) : undefined;
    if (!idle) return undefined;
    this.#use(idle, placement);
    return this.#toLease(idle);
  }

  /** The same as a waiter would get at once, without its trouble. */
  #idleFor(placement: DatabasePlacement): Slot | undefined {
    const { environmentId, seal } = placement;
    const own = this.#slots.idleOf(environmentId);
    if (own || !seal || this.#slots.count((slot) => isOpeningFor(slot, environmentId)) > 0) return own;
    return this.#hasItsShare(environmentId) ? undefined : this.#slots.idleBeside(placement);
  }

  async #waitFor(placement: DatabasePlacement, signal: AbortSignal | undefined): Promise<Lease> {
    const answer = Promise.withResolvers<Lease>();
    const waiter: Waiter = {
      environmentId: placement.environmentId,
      placement,
      give: (slot) => answer.resolve(this.#toLease(slot)),
      fail: answer.reject,
    };
    const withdraw = (reason: unknown): void => {
      if (this.#queue.remove(waiter)) answer.reject(reason);
    };
    const abort = (): void => withdraw(signal?.reason);
    const timeout = (): void => withdraw(new PoolExhausted("No database connection came free in time."));
    const timer = setTimeout(timeout, this.#limits.waitTimeoutMs);
    signal?.addEventListener("abort", abort);
    try {
      this.#enqueue(waiter);
      return await answer.promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Closes the environment's connections to a retired place: idle ones now, busy ones when given back. */
  retire(environmentId: string, isRetired: (placement: DatabasePlacement) => boolean): void {
    const fits = ({ placement }: { placement: DatabasePlacement }): boolean =>
      placement.environmentId === environmentId && isRetired(placement);
    for (const waiter of this.#queue.takeAll(fits)) {
      waiter.fail(new PlacementRetired(environmentId, waiter.placement.generation));
    }
    for (const slot of this.#slots.all()) {
      if (!fits(slot)) continue;
      slot.retired = true;
      if (slot.state === "idle") this.#slots.close(slot);
    }
    this.#pump();
  }

  /**
   * Closes the connections of an environment that left. Idle ones to a database that it shared become nobody's: others
   * reset them before they use them, as they do with any that isn't their own.
   */
  forget(environmentId: string): void {
    for (const slot of this.#slots.all()) {
      const { placement, state } = slot;
      if (placement.environmentId !== environmentId || state !== "idle" || !placement.seal) continue;
      slot.placement = { ...placement, environmentId: nobody };
    }
    this.retire(environmentId, () => true);
  }

  /** Looks at the budget again. */
  refresh(): void {
    this.#pump();
  }

  stats(): PoolStats {
    return {
      serverId: this.#serverId,
      budget: this.#budget(),
      open: this.#slots.size,
      busy: this.#slots.count((slot) => slot.state === "busy"),
      waiting: this.#queue.size,
      ...this.#counted,
      resetAhead: this.#ready.resets,
    };
  }

  /** Refuses waiters, lets what is at work finish until `hurry` aborts, and resolves when every backend is gone. */
  async close(hurry: AbortSignal): Promise<void> {
    this.#closed = true;
    this.#ready.stop();
    for (const waiter of this.#queue.takeAll(() => true)) waiter.fail(closingDown());
    hurry.addEventListener("abort", () => {
      for (const slot of this.#slots.all()) slot.connection?.abandon();
    });
    this.#settle();
    await this.#emptied.promise;
  }

  #budget(): number {
    return this.#closed ? 0 : Math.max(0, Math.floor(this.#limits.budgets(this.#serverId)));
  }

  #enqueue(waiter: Waiter): void {
    this.#queue.push(waiter);
    this.#pump();
    if (this.#queue.size <= this.#limits.maxWaiters) return;
    this.#queue.popFromLongest()!.fail(new PoolExhausted("Too many wait for a database connection."));
  }

  /** Serves whoever can be served, in turn, and brings the number of backends back under the budget. */
  #pump(): void {
    let served = this.#queue.size > 0;
    while (served) {
      served = false;
      // Every backend on its way out makes room for one who can't be served otherwise.
      let roomComing = this.#slots.count(isClosing);
      for (const environmentId of this.#queue.turns()) {
        const outcome = this.#serve(environmentId, roomComing > 0);
        if (outcome === "served") served = true;
        if (outcome === "waits for room") roomComing -= 1;
      }
    }
    this.#shrink();
  }

  #serve(environmentId: string, roomComing: boolean): "served" | "waits" | "waits for room" {
    const idle = this.#slots.idleOf(environmentId);
    if (idle) {
      this.#hand(idle, this.#queue.shift(environmentId)!);
      return "served";
    }
    const opening = this.#slots.count((slot) => isOpeningFor(slot, environmentId));
    if (opening >= this.#queue.countOf(environmentId)) return "waits";
    if (this.#hasItsShare(environmentId)) return "waits";
    const beside = this.#slots.idleBeside(this.#queue.first(environmentId)!.placement);
    if (beside) {
      this.#hand(beside, this.#queue.shift(environmentId)!);
      return "served";
    }
    if (this.#slots.size < this.#budget()) {
      void this.#open(this.#queue.first(environmentId)!.placement);
      return "served";
    }
    if (roomComing) return "waits for room";
    const victim = this.#slots.oldestIdle();
    if (!victim) return "waits";
    this.#slots.close(victim);
    // The room it makes is this environment's: it isn't counted as coming for those behind.
    return "waits";
  }

  async #open(placement: DatabasePlacement): Promise<void> {
    let slot: Slot;
    try {
      this.#counted.opened += 1;
      slot = await this.#slots.open(placement);
    } catch (error) {
      // One failure answers one waiter: the others get attempts of their own.
      this.#queue.shift(placement.environmentId)?.fail(error);
      return this.#settle();
    }
    const waiter = slot.retired ? undefined : this.#queue.shift(placement.environmentId);
    if (waiter) this.#hand(slot, waiter);
    else this.#giveBack(slot);
  }

  #hand(slot: Slot, waiter: Waiter): void {
    this.#use(slot, waiter.placement);
    waiter.give(slot);
  }

  #use(slot: Slot, placement: DatabasePlacement): void {
    this.#counted.leases += 1;
    const isPassedOn = slot.placement.environmentId !== placement.environmentId;
    slot.placement = placement;
    slot.foundAgain = !isPassedOn;
    slot.fresh = false;
    this.#slots.use(slot);
    if (!isPassedOn) return;
    this.#counted.passedOn += 1;
    this.#ready.passedOn(placement);
    if (this.#comesAgain(placement.environmentId)) void this.#makeAhead(placement);
  }

  /** Most that come once don't come again soon: one made for each of them would be made in vain. */
  #comesAgain(environmentId: string): boolean {
    const again = this.#passers.delete(environmentId);
    this.#passers.add(environmentId);
    if (this.#passers.size > mostPassers) this.#passers.delete(this.#passers.values().next().value!);
    return again;
  }

  /**
   * To take over another environment's connection costs less than to make one, but more than to find one's own: where
   * there is room, one is made meanwhile for the next time.
   */
  async #makeAhead(placement: DatabasePlacement): Promise<void> {
    const room = Math.floor(this.#budget() * aheadShare);
    if (performance.now() < this.#noneAheadUntil || this.#slots.size >= room || this.#queue.size > 0) return;
    this.#noneAheadUntil = Number.POSITIVE_INFINITY;
    try {
      const slot = await this.#slots.open(placement);
      this.#counted.opened += 1;
      this.#noneAheadUntil = 0;
      this.#giveBack(slot);
    } catch {
      // Nobody waits for it; whoever needs one gets the error of an attempt of his own.
      this.#noneAheadUntil = performance.now() + aheadAgainMs;
      this.#settle();
    }
  }

  #giveBack(slot: Slot): void {
    if (!this.#slots.has(slot)) return;
    if (slot.retired || slot.connection!.isBroken()) this.#slots.close(slot);
    else {
      const next = this.#nextInTurn(slot);
      if (next) this.#hand(slot, next);
      else this.#slots.rest(slot);
    }
    this.#pump();
    this.#ready.released();
  }

  /** While it is the connection's turn: its environment's own next waiter, or another one of the same database. */
  #nextInTurn(slot: Slot): Waiter | undefined {
    if (
      this.#queue.size === 0 ||
      this.#excess() > 0 ||
      performance.now() - slot.turnSince > turnMs(this.#budget())
    )
      return undefined;
    const own = this.#queue.shift(slot.placement.environmentId);
    if (own || !slot.placement.seal) return own;
    for (const environmentId of this.#queue.turns()) {
      if (!sharesDatabase(slot.placement, this.#queue.first(environmentId)!.placement)) continue;
      if (!this.#hasItsShare(environmentId)) return this.#queue.shift(environmentId);
    }
    return undefined;
  }

  #hasItsShare(environmentId: string): boolean {
    const share = Math.max(1, Math.floor(this.#budget() * this.#limits.environmentShare));
    const held = (slot: Slot): boolean => slot.placement.environmentId === environmentId && !isClosing(slot);
    return this.#slots.count(held) >= share;
  }

  #excess(): number {
    return this.#slots.size - this.#slots.count(isClosing) - this.#budget();
  }

  #shrink(): void {
    while (this.#excess() > 0) {
      const victim = this.#slots.oldestIdle();
      if (!victim) return;
      this.#slots.close(victim);
    }
  }

  #settle(): void {
    this.#pump();
    if (this.#closed && this.#slots.size === 0) this.#emptied.resolve();
  }

  #toLease(slot: Slot): Lease {
    let returned = false;
    return {
      connection: slot.connection!,
      release: () => {
        if (returned) return;
        returned = true;
        this.#giveBack(slot);
      },
    };
  }
}

function closingDown(): PoolExhausted {
  return new PoolExhausted("The connection pools are closing.");
}
