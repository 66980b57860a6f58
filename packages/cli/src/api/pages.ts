import type { Command } from "commander";
import { wholeNumber } from "../command.ts";
import type { Output } from "../output/output.ts";
import type { Client } from "./client.ts";

export type PageOptions = { limit?: number; cursor?: string; all?: boolean };
export type Page<Item> = { items: Item[]; nextCursor: string | null };

const mostOnAPage = 200;

export function addPageOptions(command: Command): Command {
  return command
    .option("--limit <number>", "how many at most, 1 to 200; 50 when left out", wholeNumber(1, mostOnAPage))
    .option("--cursor <cursor>", "go on where the page before ended")
    .option("--all", "all there are");
}

/** One page of a list, or all of them. */
export async function fetchPages<Item>(
  client: Client,
  path: string,
  options: PageOptions,
  filter: Record<string, string | undefined> = {},
): Promise<Page<Item>> {
  const items: Item[] = [];
  let { cursor } = options;
  for (;;) {
    const query = { ...filter, limit: options.limit ?? (options.all ? mostOnAPage : undefined), cursor };
    const { body } = await client.call<Page<Item>>("GET", path, { query });
    items.push(...body.items);
    if (!options.all || body.nextCursor === null) return { items, nextCursor: body.nextCursor };
    cursor = body.nextCursor;
  }
}

/** Tells people that there is more than the page they see. */
export function noteMore({ note }: Output, { nextCursor }: Page<unknown>): void {
  if (nextCursor !== null) note(`There are more: go on with --cursor ${nextCursor}, or see them --all.`);
}
