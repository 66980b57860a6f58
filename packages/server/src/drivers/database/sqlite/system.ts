import { lstat, mkdir, rm } from "node:fs/promises";
import { openDirectory } from "../../directories.ts";

/** A directory in which other users pass through to what is theirs. The umask may have taken that away. */
export async function makePassable(directory: string): Promise<void> {
  const known = await lstat(directory).catch(ignoreMissing);
  if (known?.isDirectory() && (known.mode & 0o777) === 0o711) return;
  await mkdir(directory, { mode: 0o711, recursive: true });
  await using handle = await openDirectory(directory);
  const { mode } = await handle.stat();
  if ((mode & 0o777) !== 0o711) await handle.chmod(0o711);
}

export function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
}

const besides = ["", "-wal", "-shm", "-journal"];

/** A file with all that SQLite keeps beside it. What isn't there counts as removed. */
export async function removeFiles(file: string): Promise<void> {
  for (const suffix of besides) await rm(`${file}${suffix}`, { force: true });
}
