import { expect, test } from "vitest";
import { createGate } from "./gate.ts";

test("whoever asks for much leaves others a place to wait, and they have their turn before the rest of it", async () => {
  const gate = createGate({ concurrency: 1, waiting: 8 });
  const order: string[] = [];
  const ask = (whose: string) =>
    gate.run(async () => void order.push(whose), whose).catch((error) => error.code);
  const flood = Array.from({ length: 10 }, () => ask("a"));
  const [late, later] = [ask("b"), ask("c")];
  expect(await Promise.all([...flood, late, later])).toEqual([
    ...Array.from({ length: 7 }, () => undefined),
    ...["busy", "busy", "busy"],
    ...[undefined, undefined],
  ]);
  expect(order.join("")).toBe("aabcaaaaa");
  // Nothing is held any more.
  expect(await Promise.all(Array.from({ length: 7 }, () => ask("b")))).toEqual(
    Array.from({ length: 7 }, () => undefined),
  );
});
