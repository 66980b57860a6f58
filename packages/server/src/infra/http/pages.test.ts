import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { decodeCursor, encodeCursor, pageQuery, toPage } from "./index.ts";

const shape = z.tuple([z.iso.datetime(), z.string()]);

describe("pages", () => {
  it("hand out all rows once, whatever the page's size", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 10 }), (count, limit) => {
        const rows = Array.from({ length: count }, (_, index) => index);
        const seen: number[] = [];
        let cursor: string | null | undefined;
        do {
          const [after] = decodeCursor(cursor ?? undefined, z.tuple([z.number()])) ?? [-1];
          const fetched = rows.filter((row) => row > after).slice(0, limit + 1);
          const page = toPage(fetched, limit, (row) => [row], String);
          seen.push(...page.items.map(Number));
          cursor = page.nextCursor;
        } while (cursor !== null);
        expect(seen).toEqual(rows);
      }),
    );
  });

  it("have cursors that come back as they were", () => {
    const values = ["2026-01-02T03:04:05.678Z", "x"] as const;
    expect(decodeCursor(encodeCursor(values), shape)).toEqual(values);
    expect(decodeCursor(undefined, shape)).toBeUndefined();
  });

  it.each(["", "x", "AAAA", encodeCursor([1, 2]), encodeCursor(["now", "x"]), `${encodeCursor(["a"])}é`])(
    "refuse the cursor %j by its name",
    (cursor) => {
      expect(() => decodeCursor(cursor, shape)).toThrow(
        expect.objectContaining({
          code: "invalid_request",
          details: expect.objectContaining({
            errors: [{ pointer: "?cursor", message: "This isn't a cursor of this list." }],
          }),
        }),
      );
    },
  );

  it("have 1 to 200 entries, 50 unless told", () => {
    expect(pageQuery.parse({})).toEqual({ limit: 50 });
    expect(pageQuery.parse({ limit: "200" }).limit).toBe(200);
    for (const limit of ["0", "201", "-1", "1.5", "", "x", "1e9", ["1", "2"]]) {
      expect(pageQuery.safeParse({ limit }).success, String(limit)).toBe(false);
    }
  });
});
