import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;

/** Rejects what is no directory, links among it. */
export function openDirectory(directory: string): Promise<FileHandle> {
  return open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

/** What was made or renamed in a directory is there after the machine lost its power. */
export async function syncDirectory(directory: string): Promise<void> {
  await using handle = await openDirectory(directory);
  await handle.sync();
}

export function ignoreExisting(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "EEXIST") throw error;
}
