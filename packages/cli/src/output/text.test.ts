import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { distance, duration, toJson } from "./text.ts";

describe("JSON for programs", () => {
  it("is the same value, and holds nothing that a terminal would obey", () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "binary" }), (value) => {
        const text = toJson(value);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(text).not.toMatch(/(?!\n)\p{Cc}|[\u202a-\u202e\u2066-\u2069]/u);
      }),
    );
    expect(toJson("a\u009b2Jb\u202e")).toBe('"a\\u009b2Jb\\u202e"');
  });
});

describe("times for people", () => {
  it.each([
    [0.4, "0 ms"],
    [999, "999 ms"],
    [1000, "1.0 s"],
    [59_940, "59.9 s"],
    [59_960, "1 min 0 s"],
    [125_000, "2 min 5 s"],
  ])("%d ms is %s", (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  it.each([
    ["2026-01-01T00:00:00.000Z", "now"],
    ["2025-12-31T23:59:15.000Z", "45 sec. ago"],
    ["2025-12-31T23:00:01.000Z", "59 min. ago"],
    ["2026-01-08T00:00:00.000Z", "in 7 days"],
    ["2026-01-07T23:59:58.000Z", "in 7 days"],
  ])("%s is %s", (iso, text) => {
    expect(distance(iso, Date.parse("2026-01-01T00:00:00.000Z"))).toBe(text);
  });
});
