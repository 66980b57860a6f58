import { lstat, readdir, unlink } from "node:fs/promises";
import { isKey } from "../key.ts";
import { type Directory, openBelow, openRoot } from "./directory.ts";
import { isRecordOf, metadataArea, readRecordFile, shardPattern } from "./metadata.ts";
import { meansAbsent } from "./system-error.ts";
import { ignoreAbsent, temporaryArea } from "./write.ts";

/**
 * Removes what writers left that were killed half-way: bodies never finished, and records whose version doesn't stand.
 * Only what hasn't been touched for `olderThanMs` (a day when left out) goes, so it may run beside writers. Repeatable.
 */
export async function tidyFsStorage(
  path: string,
  options: { olderThanMs?: number } = {},
): Promise<{ removed: number }> {
  const before = Date.now() - (options.olderThanMs ?? 86_400_000);
  await using root = await openRoot(path);
  let removed = await removeOld(root, temporaryArea, before, async () => true);
  for (const shard of await namesIn(root, metadataArea)) {
    if (!shardPattern.test(shard)) continue;
    removed += await removeOld(root, [...metadataArea, shard], before, (directory, name) =>
      isOrphan(root, directory, shard, name),
    );
  }
  return { removed };
}

async function removeOld(
  root: Directory,
  parts: readonly string[],
  before: number,
  isLeftOver: (directory: Directory, name: string) => Promise<boolean>,
): Promise<number> {
  let removed = 0;
  try {
    await using directory = await openBelow(root, parts);
    for (const name of await readdir(directory.at("."))) {
      const stats = await lstat(directory.at(name)).catch(ignoreAbsent);
      if (!stats?.isFile() || stats.ctimeMs > before || !(await isLeftOver(directory, name))) continue;
      await unlink(directory.at(name)).catch(ignoreAbsent);
      removed += 1;
    }
  } catch (error) {
    if (!meansAbsent(error)) throw error;
  }
  return removed;
}

async function isOrphan(
  root: Directory,
  directory: Directory,
  shard: string,
  name: string,
): Promise<boolean> {
  const record = await readRecordFile(directory, name);
  if (!record || !isKey(record.key)) return true;
  const parts = record.key.split("/");
  try {
    await using parent = await openBelow(root, parts.slice(0, -1));
    const stats = await lstat(parent.at(parts.at(-1)!), { bigint: true });
    return !isRecordOf(shard, name, record.key, stats);
  } catch (error) {
    if (meansAbsent(error)) return true;
    throw error;
  }
}

async function namesIn(root: Directory, parts: readonly string[]): Promise<string[]> {
  try {
    await using directory = await openBelow(root, parts);
    return await readdir(directory.at("."));
  } catch (error) {
    if (meansAbsent(error)) return [];
    throw error;
  }
}
