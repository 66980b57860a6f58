import { PoolExhausted } from "../errors.ts";

export type SlotLimits = { maxWaiters: number; waitTimeoutMs: number };

/** A place that has been given; give it back once. */
export type SlotLease = { slot: string; release(): void };

type Waiter = { take(slot: string): void; kinds: "writer" | "reader" | "any" };

const readers = ["reader1", "reader2", "reader3"];

/**
 * Who may use which connection of a file: one writes, in turn; some read beside it. A lone read takes the writer's
 * connection when nobody else wants it.
 */
export class Slots {
  readonly #limits: SlotLimits;
  readonly #free = new Set(["writer", ...readers]);
  readonly #waiting: Waiter[] = [];

  constructor(limits: SlotLimits) {
    this.#limits = limits;
  }

  get busy(): boolean {
    return this.#free.size < readers.length + 1 || this.#waiting.length > 0;
  }

  /** Throws `PoolExhausted` after the time to wait, or the signal's reason. */
  async take(kinds: Waiter["kinds"], signal?: AbortSignal): Promise<SlotLease> {
    signal?.throwIfAborted();
    const free = this.#pick(kinds);
    if (free) return this.#lease(free);
    if (this.#waiting.length >= this.#limits.maxWaiters)
      throw new PoolExhausted("Too many wait for this environment's database.");
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        kinds,
        take: (slot) => {
          settle();
          resolve(this.#lease(slot));
        },
      };
      const giveUp = (reason: unknown): void => {
        settle();
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(reason);
      };
      const aborted = (): void => giveUp(signal!.reason);
      const late = "The environment's database was in use for too long.";
      const timer = setTimeout(() => giveUp(new PoolExhausted(late)), this.#limits.waitTimeoutMs);
      const settle = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", aborted);
      };
      signal?.addEventListener("abort", aborted);
      this.#waiting.push(waiter);
    });
  }

  #pick(kinds: Waiter["kinds"]): string | undefined {
    const wanted = kinds === "writer" ? ["writer"] : kinds === "reader" ? readers : ["writer", ...readers];
    return wanted.find((slot) => this.#free.has(slot));
  }

  #lease(slot: string): SlotLease {
    this.#free.delete(slot);
    let given = false;
    const release = (): void => {
      if (given) return;
      given = true;
      this.#free.add(slot);
      const next = this.#waiting.findIndex(({ kinds }) => this.#pick(kinds) === slot);
      if (next >= 0) this.#waiting.splice(next, 1)[0]!.take(slot);
    };
    return { slot, release };
  }
}
