import type { Command } from "commander";
import type { Client } from "./client.ts";

export type PageOptions = { limit?: string; cursor?: string; all?: boolean };
export type Page<Item> = { items: Item[]; nextCursor: string | null };

export function addPageOptions(command: Command): Command {
  return command
    .option("--limit <number>", "how many at most on a page, 1 to 200")
    .option("--cursor <cursor>", "where the page before ended")
    .option("--all", "all pages");
}

/** One page of a list, or all of them. */
export async function pageThrough<Item>(
  client: Client,
  path: string,
  options: PageOptions,
  filter: Record<string, string | undefined> = {},
): Promise<Page<Item>> {
  const items: Item[] = [];
  let { cursor } = options;
  for (;;) {
    const query = { ...filter, limit: options.limit ?? (options.all ? 200 : undefined), cursor };
    const { body } = await client.call<Page<Item>>("GET", path, { query });
    items.push(...body.items);
    if (!options.all || body.nextCursor === null) return { items, nextCursor: body.nextCursor };
    cursor = body.nextCursor;
  }
}
