import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { silentLog } from "../log/index.ts";
import { createKeyWatch, type KeyWatch } from "./key-watch.ts";

let good: Set<string>;
let looks: (readonly string[])[];
let isAway: boolean;
let watch: KeyWatch;

beforeEach(() => {
  vi.useFakeTimers();
  good = new Set(["one", "two"]);
  looks = [];
  isAway = false;
  const findGoodKeys = async (keyIds: readonly string[]) => {
    looks.push(keyIds);
    if (isAway) throw new Error("The registry is away.");
    return good;
  };
  watch = createKeyWatch({ findGoodKeys, log: silentLog });
});
afterEach(() => {
  vi.useRealTimers();
});

it("asks once a second for any number of streams, and not at all when there is none", async () => {
  const over = new AbortController();
  for (let count = 0; count < 50; count += 1) watch.whileGood(count % 2 ? "one" : "two", over.signal);
  await vi.advanceTimersByTimeAsync(3_000);
  expect(looks).toEqual([
    ["two", "one"],
    ["two", "one"],
    ["two", "one"],
  ]);
  over.abort();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(looks.length).toBeLessThanOrEqual(4);
  expect(vi.getTimerCount()).toBe(0);
  const again = watch.whileGood("one", new AbortController().signal);
  good.delete("one");
  await vi.advanceTimersByTimeAsync(1_000);
  expect(again.aborted).toBe(true);
});

it("ends nobody's right while the registry is away, and catches up when it is back", async () => {
  const over = new AbortController();
  const [one, two] = ["one", "two"].map((keyId) => watch.whileGood(keyId, over.signal));
  isAway = true;
  good.delete("one");
  await vi.advanceTimersByTimeAsync(5_000);
  expect([one!.aborted, two!.aborted]).toEqual([false, false]);
  isAway = false;
  await vi.advanceTimersByTimeAsync(1_000);
  expect([one!.aborted, two!.aborted]).toEqual([true, false]);
});
