import fc from "fast-check";
import { expect, test } from "vitest";
import { isSlug, mistakeInSlug, slugOf } from "./slug.ts";

test("titles become addresses that can be read", () => {
  expect(slugOf("About us")).toBe("about-us");
  expect(slugOf("  Crème brûlée & Straße! ")).toBe("creme-brulee-strasse");
  expect(slugOf("درباره ما")).toBe("درباره-ما");
  expect(slugOf("हमारे बारे में")).toBe("हमारे-बारे-में");
  expect(slugOf("Admin")).toBe("admin-page");
  expect(slugOf("!?")).toBe("");
});

test("whatever the title, the address made of it is allowed, or empty", () => {
  const text = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }), fc.string());
  fc.assert(
    fc.property(text, (title) => {
      const slug = slugOf(title);
      expect(slug === "" || isSlug(slug)).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

test("what isn't an address is told so", () => {
  for (const wrong of [
    "",
    "-a",
    "a-",
    "a--b",
    "A",
    "a b",
    "a/b",
    "..",
    "a.b",
    "a\u0000",
    "e\u0301",
    "a\u200b",
    "x".repeat(81),
  ])
    expect(mistakeInSlug(wrong), wrong).toMatch(/address/);
  for (const taken of ["admin", "media", "assets"]) expect(mistakeInSlug(taken)).toMatch(/used by the site/);
  for (const right of ["home", "a-1", "über-uns"]) expect(mistakeInSlug(right)).toBeUndefined();
});
