import { lstat, rmdir, unlink } from "node:fs/promises";
import { type Directory, openBelow } from "./directory.ts";
import { removeRecord } from "./metadata.ts";
import { meansAbsent, meansOccupied } from "./system-error.ts";
import { withTurn } from "./turns.ts";

/** Removes an object, its record, and the directories that became empty. Repeatable. */
export async function removeObject(
  root: Directory,
  turn: string,
  key: string,
  parts: readonly string[],
): Promise<void> {
  await withTurn(`${turn}\0${key}`, async () => {
    try {
      await using parent = await openBelow(root, parts.slice(0, -1));
      const target = parent.at(parts.at(-1)!);
      const stats = await lstat(target, { bigint: true });
      if (!stats.isFile()) return;
      await unlink(target);
      await parent.handle.sync();
      await removeRecord(root, key, stats);
    } catch (error) {
      if (meansAbsent(error)) return;
      throw error;
    }
    await removeEmptyDirectories(root, parts.slice(0, -1));
  });
}

async function removeEmptyDirectories(root: Directory, parts: readonly string[]): Promise<void> {
  for (let depth = parts.length; depth > 0; depth -= 1) {
    try {
      await using parent = await openBelow(root, parts.slice(0, depth - 1));
      await rmdir(parent.at(parts[depth - 1]!));
    } catch (error) {
      if (meansOccupied(error) || meansAbsent(error)) return;
      throw error;
    }
  }
}
