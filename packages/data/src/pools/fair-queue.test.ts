import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFairQueue } from "./fair-queue.ts";

type Waiter = { environmentId: string; number: number };

function fill(...environments: string[]) {
  const queue = createFairQueue<Waiter>();
  environments.forEach((environmentId, number) => {
    queue.push({ environmentId, number });
  });
  return queue;
}

describe("the queue for connections", () => {
  it("serves environments in turn, and each one's waiters in the order they came", () => {
    const queue = fill("loud", "loud", "loud", "quiet", "loud", "calm");
    const served: string[] = [];
    for (let [turn] = queue.turns(); turn; [turn] = queue.turns()) {
      const { environmentId, number } = queue.shift(turn)!;
      served.push(`${environmentId} ${number}`);
    }
    expect(served).toEqual(["loud 0", "quiet 3", "calm 5", "loud 1", "loud 2", "loud 4"]);
  });

  it("refuses the newest waiter of whoever has most, and of the latest comer when all have as many", () => {
    expect(fill("loud", "loud", "quiet").popFromLongest()).toEqual({ environmentId: "loud", number: 1 });
    expect(fill("first", "second").popFromLongest()).toEqual({ environmentId: "second", number: 1 });
  });

  it("lets one who no longer waits leave, once", () => {
    const queue = fill("a", "a", "b");
    const first = queue.first("a")!;
    expect(queue.remove(first)).toBe(true);
    expect(queue.remove(first)).toBe(false);
    expect(queue.countOf("a")).toBe(1);
    expect(queue.size).toBe(2);
  });

  it("keeps its counts whatever is done to it", () => {
    const act = fc.record({
      act: fc.constantFrom("push", "push", "shift", "remove", "pop", "take"),
      environmentId: fc.constantFrom("a", "b", "c"),
    });
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        const queue = createFairQueue<Waiter>();
        let waiting: Waiter[] = [];
        acts.forEach(({ act, environmentId }, number) => {
          const first = waiting.find((waiter) => waiter.environmentId === environmentId);
          if (act === "push") {
            const waiter = { environmentId, number };
            queue.push(waiter);
            waiting.push(waiter);
          } else if (act === "shift") {
            expect(queue.shift(environmentId)).toEqual(first);
            waiting = waiting.filter((waiter) => waiter !== first);
          } else if (act === "remove" && first) {
            expect(queue.remove(first)).toBe(true);
            waiting = waiting.filter((waiter) => waiter !== first);
          } else if (act === "pop") {
            const popped = queue.popFromLongest();
            waiting = waiting.filter((waiter) => waiter !== popped);
          } else if (act === "take") {
            const taken = queue.takeAll((waiter) => waiter.environmentId === environmentId);
            expect(taken).toEqual(waiting.filter((waiter) => waiter.environmentId === environmentId));
            waiting = waiting.filter((waiter) => waiter.environmentId !== environmentId);
          }
          expect(queue.size).toBe(waiting.length);
          expect(queue.turns().toSorted()).toEqual(
            [...new Set(waiting.map((each) => each.environmentId))].sort(),
          );
        });
      }),
    );
  });
});
