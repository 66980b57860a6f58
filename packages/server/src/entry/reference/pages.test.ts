import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { pages } from "./pages.ts";

describe("the reference", () => {
  it.each(Object.entries(pages))(
    "has the page %s as the code says (else: npm run reference)",
    async (name, write) => {
      const committed = await readFile(
        new URL(`../../../../../docs/reference/${name}`, import.meta.url),
        "utf8",
      );
      expect(committed).toBe(write());
    },
  );
});
