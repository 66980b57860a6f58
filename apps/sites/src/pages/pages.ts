import { randomUUID } from "node:crypto";
import type { Tenantry } from "@tenantry/sdk";
import { maxPages } from "../limits.ts";
import { isUniqueViolation, serializable } from "../transactions.ts";
import type { Page, PageText } from "./page.ts";
import {
  countPages,
  deletePage,
  insertPage,
  renumberPages,
  selectPage,
  swapWithNeighbour,
  updatePage,
} from "./pages.sql.ts";

/** What came of a change that others may have made impossible meanwhile. */
export type Outcome =
  | { kind: "done"; id: string }
  | { kind: "slug-taken" }
  | { kind: "too-many"; limit: number }
  /** Somebody else changed the page since it was opened: this is how it is now. */
  | { kind: "changed"; now: Page }
  /** Somebody else deleted it. */
  | { kind: "gone" };

/** Adds a page at the end of the navigation, unless the site has as many as it may. */
export async function createPage(
  { db, settings }: Tenantry,
  text: PageText,
  parts: { published: boolean; by: string },
): Promise<Outcome> {
  const limit = maxPages(settings);
  const id = randomUUID();
  return slugTakenOr(() =>
    // Two pages at once may not both be the last one allowed.
    serializable(db, async (tx): Promise<Outcome> => {
      if ((await countPages(tx)) >= limit) return { kind: "too-many", limit };
      await insertPage(tx, { ...text, id, published: parts.published, updatedBy: parts.by });
      return { kind: "done", id };
    }),
  );
}

/** Replaces the page's text, if it still is in the version that the editor saw. `published` null leaves that as it is. */
export async function savePage(
  { db }: Tenantry,
  seen: { id: string; version: number },
  text: PageText,
  parts: { published: boolean | null; by: string },
): Promise<Outcome> {
  return slugTakenOr(async () => {
    const saved = await updatePage(db, { ...seen, ...text, published: parts.published, updatedBy: parts.by });
    return saved ? { kind: "done", id: seen.id } : await changedOrGone(db, seen.id);
  });
}

/** Deletes the page, if it still is in the version that the editor saw. */
export async function removePage({ db }: Tenantry, seen: { id: string; version: number }): Promise<Outcome> {
  if (await deletePage(db, seen.id, seen.version)) return { kind: "done", id: seen.id };
  return changedOrGone(db, seen.id);
}

/** Moves the page one place up (-1) or down (1); at the end it stays where it is. */
export async function movePage({ db }: Tenantry, id: string, step: -1 | 1): Promise<void> {
  await serializable(db, async (tx) => {
    await renumberPages(tx);
    await swapWithNeighbour(tx, id, step);
    // At an end there was no neighbour, and the page stands outside the row.
    await renumberPages(tx);
  });
}

async function changedOrGone(db: Tenantry["db"], id: string): Promise<Outcome> {
  const now = await selectPage(db, id);
  return now ? { kind: "changed", now } : { kind: "gone" };
}

async function slugTakenOr(work: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await work();
  } catch (error) {
    if (isUniqueViolation(error)) return { kind: "slug-taken" };
    throw error;
  }
}
