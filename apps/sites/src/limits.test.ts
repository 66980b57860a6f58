import { expect, test } from "vitest";
import { showBytes } from "./limits.ts";

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
