import { expect, test } from "vitest";
import { bytesOf } from "./bytes.ts";

test("sizes are read as settings write them", () => {
  expect(bytesOf("1GB")).toBe(1e9);
  expect(bytesOf("1.5 MiB")).toBe(1.5 * 2 ** 20);
  expect(bytesOf("500KB")).toBe(500_000);
  expect(bytesOf("12B")).toBe(12);
  expect(bytesOf(1234)).toBe(1234);
  for (const wrong of ["", "1", "GB", "1XB", "-1GB", -1, null, undefined, {}, "1e9B"]) {
    expect(bytesOf(wrong)).toBeUndefined();
  }
});
