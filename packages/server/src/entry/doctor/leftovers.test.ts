import { expect, it } from "vitest";
import { tellLeftovers } from "./leftovers.ts";

it("caches whose Redis has forgotten its users are one warning, by which nobody deletes a tenant", () => {
  const caches = ["tnk_a", "tnk_b"].map((name) => ({ problem: "missing", kind: "cache", name }) as const);
  const [database, forgotten, ...more] = tellLeftovers([
    ...caches,
    { problem: "missing", kind: "database", name: "tn_1" },
  ]);
  expect(more).toEqual([]);
  expect(database).toMatchObject({ status: "problem", detail: "The database tn_1 is missing." });
  expect(forgotten).toMatchObject({ status: "warning", detail: expect.stringContaining("2 caches") });
  expect(forgotten!.remedy).not.toMatch(/delete|[Rr]estore/);
});

it("many of a kind are counted instead of told one by one", () => {
  const found = Array.from(
    { length: 30 },
    (_, at) => ({ problem: "unexplained", kind: "role", name: `tnr_${at}` }) as const,
  );
  const findings = tellLeftovers(found);
  expect(findings).toHaveLength(11);
  expect(findings.at(-1)!.detail).toBe("20 more of that kind.");
});
