import { expect, it } from "vitest";
import { isWithin, lowestLimits, ruleFor } from "./promotion-rules.ts";

const rules = [
  { from: "shared", to: "schema", whenBytesAbove: "10MB" },
  { from: "shared", to: "database", whenBytesAbove: 1_000_000_000 },
  { from: "database", to: "dedicated", whenBytesAbove: "100GiB" },
] as const;

it.each([
  ["shared", 10_000_000, undefined],
  ["shared", 10_000_001, "schema"],
  ["shared", 1_000_000_001, "database"],
  ["database", 50e9, undefined],
  ["database", 200e9, "dedicated"],
  ["dedicated", 900e9, undefined],
] as const)("at %s with %i bytes the rules lead to %s", (level, bytes, to) => {
  expect(ruleFor(rules, { level, bytes })?.to).toBe(to);
});

it("nobody below the lowest limit of his level is looked at more closely", () => {
  expect([...lowestLimits(rules)]).toEqual([
    ["shared", 10_000_000],
    ["database", 100 * 2 ** 30],
  ]);
});

it.each([
  [{ from: 1, to: 5 }, "2026-01-01T00:30:00Z", "UTC", false],
  [{ from: 1, to: 5 }, "2026-01-01T01:00:00Z", "UTC", true],
  [{ from: 1, to: 5 }, "2026-01-01T05:00:00Z", "UTC", false],
  [{ from: 1, to: 5 }, "2026-01-01T00:30:00Z", "Europe/Berlin", true],
  [{ from: 1, to: 5 }, "2026-01-01T17:30:00Z", "Asia/Tokyo", true],
  [{ from: 22, to: 2 }, "2026-01-01T23:30:00Z", "UTC", true],
  [{ from: 22, to: 2 }, "2026-01-01T02:30:00Z", "UTC", false],
  [{ from: 0, to: 24 }, "2026-01-01T23:59:00Z", "UTC", true],
])("the hours %j at %s in %s: %s", (hours, now, timeZone, open) => {
  expect(isWithin(hours, new Date(now), timeZone)).toBe(open);
});
