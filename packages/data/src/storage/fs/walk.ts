import type { BigIntStats, Dirent } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { isKey, parsePrefix } from "../key.ts";
import { type Directory, openBelow } from "./directory.ts";
import { meansAbsent } from "./system-error.ts";

export type FoundFile = { key: string; stats: BigIntStats };

/**
 * Every object whose key begins with `prefix` and comes after `after`, in the order of the keys' bytes. What can't be
 * a key (symlinks, pipes, our own area, foreign names) is passed over, and nothing is followed.
 */
export async function* walkObjects(
  root: Directory,
  options: { prefix?: string; after?: string },
): AsyncGenerator<FoundFile> {
  const { parts, start } = parsePrefix(options.prefix ?? "");
  let directory: Directory;
  try {
    directory = await openBelow(root, parts);
  } catch (error) {
    if (meansAbsent(error)) return;
    throw error;
  }
  await using top = directory;
  const path = parts.map((part) => `${part}/`).join("");
  yield* walkDirectory(top, path, start, options.after);
}

async function* walkDirectory(
  directory: Directory,
  path: string,
  start: string,
  after: string | undefined,
): AsyncGenerator<FoundFile> {
  for (const entry of await entriesInOrder(directory)) {
    const key = path + entry.name;
    if (!entry.name.startsWith(start) || !isKey(key)) continue;
    if (entry.isDirectory()) yield* enter(directory, entry, `${key}/`, after);
    else if (entry.isFile() && (after === undefined || compareBytes(key, after) > 0)) {
      const stats = await lstatOrGone(directory.at(entry.name));
      if (stats?.isFile()) yield { key, stats };
    }
  }
}

async function* enter(
  directory: Directory,
  entry: Dirent,
  path: string,
  after: string | undefined,
): AsyncGenerator<FoundFile> {
  // All keys in here lie before the cursor, unless the cursor is one of them.
  if (after !== undefined && !after.startsWith(path) && compareBytes(path, after) < 0) return;
  let below: Directory;
  try {
    below = await openBelow(directory, [entry.name]);
  } catch (error) {
    if (meansAbsent(error)) return;
    throw error;
  }
  await using held = below;
  yield* walkDirectory(held, path, "", after);
}

// "a-b" comes before "a/b" comes before "a0": a directory sorts with its slash.
async function entriesInOrder(directory: Directory): Promise<Dirent[]> {
  const entries = await readdir(directory.at("."), { withFileTypes: true });
  return entries
    .map((entry) => ({ entry, order: Buffer.from(entry.isDirectory() ? `${entry.name}/` : entry.name) }))
    .sort((left, right) => Buffer.compare(left.order, right.order))
    .map(({ entry }) => entry);
}

export function compareBytes(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}

async function lstatOrGone(path: string): Promise<BigIntStats | undefined> {
  try {
    return await lstat(path, { bigint: true });
  } catch (error) {
    if (meansAbsent(error)) return undefined;
    throw error;
  }
}
