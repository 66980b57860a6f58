import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createRepair } from "./repair.ts";

const log = { info: () => undefined, warn: () => undefined };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("a repair is asked for once by however many at a time, for each environment, and not again right away", async () => {
  const asked: string[] = [];
  const repair = createRepair(async (id) => void asked.push(id), log);
  expect(await Promise.all([repair("a"), repair("a"), repair("b"), repair("a")])).toEqual([
    true,
    true,
    true,
    true,
  ]);
  await repair("a");
  expect(asked).toEqual(["a", "b"]);
  await vi.advanceTimersByTimeAsync(2_000);
  await repair("a");
  expect(asked).toEqual(["a", "b", "a"]);
});

test("one that the API refuses, or doesn't answer, is no repair", async () => {
  const repair = createRepair(() => Promise.reject(new Error("The API is away.")), log);
  expect(await repair("a")).toBe(false);
});
