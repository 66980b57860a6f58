import { constants } from "node:fs";
import { type FileHandle, mkdir, open, rm } from "node:fs/promises";

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;

export function openDirectory(directory: string): Promise<FileHandle> {
  return open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

/** What was made or renamed in a directory is there after the machine lost its power. */
export async function syncDirectory(directory: string): Promise<void> {
  await using handle = await openDirectory(directory);
  await handle.sync();
}

/** A directory in which other users pass through to what is theirs. The umask may have taken that away. */
export async function makePassable(directory: string): Promise<void> {
  await mkdir(directory, { mode: 0o711, recursive: true });
  await using handle = await openDirectory(directory);
  const { mode } = await handle.stat();
  if ((mode & 0o777) !== 0o711) await handle.chmod(0o711);
}

export function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
}

export function ignoreExisting(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "EEXIST") throw error;
}

const besides = ["", "-wal", "-shm", "-journal"];

/** A file with all that SQLite keeps beside it. What isn't there counts as removed. */
export async function removeFiles(file: string): Promise<void> {
  for (const suffix of besides) await rm(`${file}${suffix}`, { force: true });
}
