import type { Log } from "../../infra/log/index.ts";
import type { Gate } from "../../kernel/index.ts";
import type { Level, Place } from "./level.ts";

/** Places of one level: some stand ready, so that a test needn't wait while one is made. */
export type Stock = {
  take(): Promise<Place>;
  /** Makes no more, and gives away those that stand ready. */
  close(): void;
};

const fullStock = 8;
const madeAtOnce = 4;

export function createStock(options: {
  level: Level;
  gate: Gate;
  log: Log;
  signal: AbortSignal;
  giveAway(place: Place): void;
}): Stock {
  const { level, gate, log, signal, giveAway } = options;
  const ready: Place[] = [];
  let making = 0;
  let closed = false;

  async function makeOne(): Promise<void> {
    try {
      const place = await gate.run(() => level.make());
      making -= 1;
      if (closed) giveAway(place);
      else ready.push(place);
    } catch (error) {
      making -= 1;
      // Whoever takes one next makes it himself, and is told why it doesn't work.
      if (!signal.aborted) log.warn({ err: error }, "stock.not_filled");
      return;
    }
    fill();
  }

  function fill(): void {
    while (!closed && making < madeAtOnce && ready.length + making < fullStock) {
      making += 1;
      void makeOne();
    }
  }

  fill();
  return {
    async take() {
      const place = ready.shift() ?? (await gate.run(() => level.make()));
      fill();
      return place;
    },
    close() {
      closed = true;
      for (const place of ready.splice(0)) giveAway(place);
    },
  };
}
