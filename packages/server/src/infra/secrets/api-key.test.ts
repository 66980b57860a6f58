import { describe, expect, it } from "vitest";
import { hashKey, hasKeyForm, newApiKey } from "./index.ts";

describe("API keys", () => {
  it.each(["operator", "app"] as const)("of kind %s are known by their form", (kind) => {
    const { key, hint, hash } = newApiKey(kind);
    expect(hasKeyForm(key)).toBe(kind);
    expect(key.startsWith(hint.slice(0, -1))).toBe(true);
    expect(hash.equals(hashKey(key))).toBe(true);
  });

  it("are never the same twice", () => {
    const keys = new Set(Array.from({ length: 500 }, () => newApiKey("app").key));
    expect(keys.size).toBe(500);
  });

  it("are refused when one character was mistyped", () => {
    const { key } = newApiKey("operator");
    for (let position = 6; position < key.length; position += 1) {
      const other = key[position] === "a" ? "b" : "a";
      expect(hasKeyForm(key.slice(0, position) + other + key.slice(position + 1))).toBeUndefined();
    }
  });

  it.each(["", "tk_op_", "tk_root_x", "' or 1=1 --", "x".repeat(10_000)])("%j is none", (text) => {
    expect(hasKeyForm(text)).toBeUndefined();
  });
});
