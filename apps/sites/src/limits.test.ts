import { expect, test } from "vitest";
import { parseBytes, showBytes } from "./limits.ts";

test("sizes are read as settings write them", () => {
  expect(parseBytes("1GB")).toBe(1e9);
  expect(parseBytes("1.5 MiB")).toBe(1.5 * 2 ** 20);
  expect(parseBytes("500KB")).toBe(500_000);
  expect(parseBytes("12B")).toBe(12);
  expect(parseBytes(1234)).toBe(1234);
  for (const wrong of ["", "1", "GB", "1XB", "-1GB", -1, null, undefined, {}, "1e9B"]) {
    expect(parseBytes(wrong)).toBeUndefined();
  }
});

test("sizes are shown for people", () => {
  expect([0, 999, 1000, 1234, 10e6, 123_456_789, 1e9, 5e15].map(showBytes)).toEqual([
    "0 bytes",
    "999 bytes",
    "1 KB",
    "1.2 KB",
    "10 MB",
    "123 MB",
    "1 GB",
    "5,000 TB",
  ]);
});
