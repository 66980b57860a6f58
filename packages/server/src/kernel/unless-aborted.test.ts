import { expect, test } from "vitest";
import { unlessAborted } from "./unless-aborted.ts";

test("what comes in time is handed on, and nothing stays listening", async () => {
  const controller = new AbortController();
  expect(await unlessAborted(Promise.resolve(7), controller.signal)).toBe(7);
  await expect(unlessAborted(Promise.reject(new Error("no")), controller.signal)).rejects.toThrow("no");
});

test("an abort ends the wait with its reason, and what comes late is given to whoever wants it", async () => {
  const controller = new AbortController();
  const work = Promise.withResolvers<number>();
  const late = Promise.withResolvers<number>();
  const waiting = unlessAborted(work.promise, controller.signal, late.resolve);
  controller.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  work.resolve(7);
  expect(await late.promise).toBe(7);
  await expect(unlessAborted(Promise.resolve(1), controller.signal)).rejects.toThrow("enough");
});

test("a failure that comes late harms nobody", async () => {
  const work = Promise.withResolvers<never>();
  await expect(unlessAborted(work.promise, AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
  work.reject(new Error("late"));
  await new Promise((resolve) => setImmediate(resolve));
});
