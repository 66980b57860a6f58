import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createTelling } from "./telling.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

test("the first write tells at once, the last of many within a blink a little later, and once", async () => {
  const tell = vi.fn(async () => undefined);
  const telling = createTelling(tell);
  expect([telling.isDue(), telling.isDue(), telling.isDue()]).toEqual([true, false, false]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(tell).toHaveBeenCalledTimes(1);
  expect(telling.isDue()).toBe(true);
});

test("a write that tells itself leaves nothing to tell later", async () => {
  const tell = vi.fn(async () => undefined);
  const telling = createTelling(tell);
  telling.isDue();
  telling.isDue();
  telling.end();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(tell).not.toHaveBeenCalled();
});
