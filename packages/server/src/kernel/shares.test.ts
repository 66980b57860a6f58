import { expect, test } from "vitest";
import { Shares } from "./shares.ts";

test("alone one has three quarters; each newcomer the same of what is left", () => {
  const shares = new Shares(256);
  const takeAll = (name: string) => {
    for (let taken = 0; ; taken += 1) {
      if (!shares.mayTake(name)) return taken;
      shares.take(name);
    }
  };
  expect(["a", "b", "c", "a"].map(takeAll)).toEqual([192, 48, 12, 0]);
  for (let count = 0; count < 192; count += 1) shares.giveBack("a");
  expect([takeAll("b"), takeAll("d")]).toEqual([135, 46]);
});
