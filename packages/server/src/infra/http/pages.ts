import { z } from "zod";
import { invalidField } from "../../kernel/index.ts";

/** The query of every list: `?limit=&cursor=`. Add filters with `.extend({ … })`. */
export const pageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50).describe("How many at most, 1 to 200."),
  cursor: z.string().max(1_000).optional().describe("Where the page before ended: its `nextCursor`."),
});

/** The reply of every list. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({
    items: z.array(item),
    nextCursor: z.string().nullable().describe("Ask for the next page with it; null on the last one."),
  });
}

/** Makes an opaque cursor of the last row's sort values. */
export function encodeCursor(values: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(values)).toString("base64url");
}

/** Reads a cursor back; one that was tampered with, or is of another list, is a 422 that names `?cursor`. */
export function decodeCursor<Shape extends z.ZodTuple>(
  cursor: string | undefined,
  shape: Shape,
): z.output<Shape> | undefined {
  if (cursor === undefined) return undefined;
  try {
    return shape.parse(JSON.parse(Buffer.from(cursor, "base64url").toString("utf8")));
  } catch {
    throw invalidField("?cursor", "This isn't a cursor of this list.", "Start again without a cursor.");
  }
}

/**
 * Cuts a page out of rows fetched with `limit + 1`: the extra one only says that more follow.
 * `position` gives the sort values that `decodeCursor` will get back.
 */
export function toPage<Row, Item>(
  rows: readonly Row[],
  limit: number,
  position: (row: Row) => readonly (string | number)[],
  show: (row: Row) => Item,
): { items: Item[]; nextCursor: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(show),
    nextCursor: rows.length > limit && last !== undefined ? encodeCursor(position(last)) : null,
  };
}
