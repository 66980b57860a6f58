import fc from "fast-check";
import stringWidth from "string-width";
import { describe, expect, it } from "vitest";
import type { Look } from "./look.ts";
import { at, fields, shorten, state, table } from "./table.ts";

const look = (width?: number): Look => ({
  width,
  now: Date.parse("2026-01-01T00:05:00.000Z"),
  paint: (tone, text) => (tone === "good" ? `<${text}>` : text),
});

const rows = [
  ["acme", "Acme Ltd", state("active"), at("2026-01-01T00:00:00.000Z")],
  ["globex", "東京の会社", state("suspended"), at(null)],
];
const head = ["slug", "name", "status", "created"];

describe("a table", () => {
  it("aligns its columns by what they take on the screen, whatever the script", () => {
    expect(table(look(80), head, rows)).toBe(
      [
        "SLUG    NAME        STATUS     CREATED",
        "acme    Acme Ltd    <active>     5 min. ago",
        "globex  東京の会社  suspended  -",
      ].join("\n"),
    );
  });

  it("is whole and tells times as they are where nobody looks", () => {
    const long = "x".repeat(500);
    const text = table(
      look(undefined),
      ["slug", "name", "created"],
      [["acme", long, at("2026-01-01T00:00:00.000Z")]],
    );
    expect(text).toContain(long);
    expect(text).toContain("2026-01-01T00:00:00.000Z");
  });

  it("never lets a name end the line, colour or turn the rest", () => {
    const text = table(look(), ["name"], [["a\nb\u001b[31mc\u202ed\u009b2J"]]);
    expect(text).toBe("NAME\na b\ufffd[31mc\ufffdd\ufffd2J");
  });

  it("fits any terminal by shortening the widest columns, never the first", () => {
    const cell = fc.string({ unit: "grapheme", maxLength: 40 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 60, max: 120 }),
        (some, width) => {
          const text = table(look(width), ["one", "two", "three"], some);
          for (const line of text.split("\n")) expect(stringWidth(line)).toBeLessThanOrEqual(width);
        },
      ),
    );
    const id = "op_01m7xqs0swfkst01a9netyzt91";
    expect(table(look(50), ["id", "what"], [[id, "y".repeat(90)]])).toContain(`${id}  ${"y".repeat(18)}…`);
  });

  it("becomes a block for each row where columns don't fit", () => {
    expect(table(look(20), ["slug", "address"], [["a".repeat(15), "http://a.localhost:8585/"]])).toBe(
      `slug     ${"a".repeat(15)}\naddress  http://a.localhost:8585/`,
    );
  });
});

describe("fields", () => {
  it("leave out what isn't set, and tell how long ago things were", () => {
    const text = fields(look(80), [
      ["Name", "Acme"],
      ["Plan", null],
      ["Parent", undefined],
      ["Reason", ""],
      ["Gone", at(null)],
      ["Tenants", 0],
      ["Created", at("2026-01-01T00:00:00.000Z")],
    ]);
    expect(text).toBe("Name     Acme\nTenants  0\nCreated  2026-01-01T00:00:00.000Z (5 min. ago)");
  });
});

describe("shortening", () => {
  it("cuts between what is seen as one character", () => {
    expect(shorten("👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 5)).toBe("👩‍👩‍👧‍👦👩‍👩‍👧‍👦…");
    expect(shorten("東京都", 4)).toBe("東…");
    expect(shorten("abc", 3)).toBe("abc");
  });
});
