import { copyFile, mkdir, open, readFile, stat, truncate } from "node:fs/promises";
import path from "node:path";

const rotateAtBytes = 10 * 1024 * 1024;

/** Opens the server's log for appending. One that has grown beyond 10 MiB is first moved aside, one generation deep. */
export async function openServerLog(file: string): Promise<{ descriptor: number; close(): Promise<void> }> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await rotate(file);
  const handle = await open(file, "a", 0o600);
  return { descriptor: handle.fd, close: () => handle.close() };
}

/** Moves a log that has grown beyond 10 MiB aside; safe while a server writes to it. Says whether it did. */
export async function rotate(file: string): Promise<boolean> {
  const size = await sizeOf(file);
  if (size < rotateAtBytes) return false;
  // Copied and cut, not renamed: a server that we adopt keeps its file open, and appends wherever the end is.
  await copyFile(file, `${file}.1`);
  await truncate(file, 0);
  return true;
}

export async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}

/** What the server wrote after the first `offset` bytes; a negative offset counts from the end. */
export async function readSince(file: string, offset: number): Promise<string> {
  return (await readFile(file)).subarray(offset).toString("utf8");
}
