import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkSlug, deriveSlug, numberedSlug } from "./slug.ts";

const grammar = /^[a-z0-9](?:-?[a-z0-9])+$/;

describe("a slug [REG-10]", () => {
  it.each(["acme", "a1b", "new-client", "x".repeat(50), "3com"])("%s is accepted", (slug) => {
    expect(checkSlug(slug)).toEqual({ ok: true });
  });

  it.each([
    ["ab", /at least 3/],
    ["x".repeat(51), /at most 50/],
    ["a--b", /double hyphens/],
    ["xn--bcher-kva", /double hyphens/],
    ["-acme", /hyphen/],
    ["acme-", /hyphen/],
    ["Acme", /lower-case/],
    ["acme.com", /only the letters/],
    ["аcme", /only the letters/],
    ["acme\u202e", /only the letters/],
    ["acme\n", /only the letters/],
    ["12345", /at least one letter/],
    ["www", /reserved/],
    ["sandbox", /reserved/],
    ["tenantry", /reserved/],
  ])("%j is refused with its reason", (slug, reason) => {
    const verdict = checkSlug(slug);
    expect(verdict.ok).toBe(false);
    expect(verdict).toHaveProperty("reason", expect.stringMatching(reason));
  });

  it("that is accepted is always one DNS label of the grammar", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
        if (checkSlug(text).ok) expect(text).toMatch(grammar);
      }),
    );
  });

  it("derived from any text is one that is accepted, or none at all", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
        const slug = deriveSlug(text);
        if (slug !== undefined) expect(checkSlug(slug)).toEqual({ ok: true });
      }),
    );
  });

  it("suggested for a refused one is accepted", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z_ .-]{1,70}$/), (text) => {
        const verdict = checkSlug(text);
        if (!verdict.ok && verdict.suggestion !== undefined)
          expect(checkSlug(verdict.suggestion).ok).toBe(true);
      }),
    );
    expect(deriveSlug("new_client")).toBe("new-client");
    expect(deriveSlug("Müller & Söhne")).toBe("muller-sohne");
    expect(deriveSlug("www")).toBe("www-site");
  });

  it("with a number behind it stays within the grammar and 50 characters", () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-z](-?[a-z0-9]){2,24}$/),
        fc.integer({ min: 2, max: 9999 }),
        (slug, number) => {
          const next = numberedSlug(slug.slice(0, 50).replace(/-+$/, ""), number);
          expect(next.length).toBeLessThanOrEqual(50);
          expect(next).toMatch(grammar);
        },
      ),
    );
  });
});
