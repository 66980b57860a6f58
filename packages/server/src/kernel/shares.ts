/** How many times what is free one may have: three quarters of all when nobody else wants any. */
const timesTheFree = 3;

/**
 * Who has how much of something limited that many use. One that has much gets no more while little is left, so that the
 * others find something (the dynamic thresholds of Choudhury and Hahne). What somebody has
 * isn't taken away: many who want everything have it in the end.
 */
export class Shares {
  readonly #limit: number;
  readonly #taken = new Map<string, number>();
  #sum = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  mayTake(who: string): boolean {
    return (this.#taken.get(who) ?? 0) < timesTheFree * (this.#limit - this.#sum);
  }

  take(who: string): void {
    this.#sum += 1;
    this.#taken.set(who, (this.#taken.get(who) ?? 0) + 1);
  }

  giveBack(who: string): void {
    this.#sum -= 1;
    const left = this.#taken.get(who)! - 1;
    if (left > 0) this.#taken.set(who, left);
    else this.#taken.delete(who);
  }
}
