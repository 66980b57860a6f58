import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { echo, harmless } from "./index.ts";

describe("what strangers sent, shown in our sentences", () => {
  it.each([
    ["acme", '"acme"'],
    ["Bücher & Söhne <b>", '"Bücher & Söhne <b>"'],
    ['say "hi"', '"say \\"hi\\""'],
    ["a\u0000b\nc", '"a\\u0000b\\u000ac"'],
    ["acme\u202egnp.exe", '"acme\\u202egnp.exe"'],
    ["\ud800", '"\\ud800"'],
    ["x".repeat(100), `"${"x".repeat(60)}…"`],
  ])("%j reads %s", (text, shown) => {
    expect(echo(text)).toBe(shown);
  });

  it("never holds a control, format or broken character, nor gets long", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
        const shown = harmless(text, 50);
        expect(shown).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
        expect(shown.length).toBeLessThanOrEqual(50 * 8 + 1);
      }),
    );
  });
});
