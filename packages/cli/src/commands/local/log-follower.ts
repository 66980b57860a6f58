import { type FileHandle, open, stat } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

const lookEveryMs = 200;
const chunkBytes = 64 * 1024;
/** More files than anyone keeps. */
const mostFiles = 100;

/**
 * The whole lines of a log from a byte of it on, and then whatever comes. A log that has grown is put aside as
 * `file.1`, that as `file.2` and so on: it is read to its end there, and then the next newer one.
 */
export async function* followLog(file: string, from: number, signal: AbortSignal): AsyncGenerator<string> {
  let handle = await open(file);
  let position = from;
  let rest = Buffer.alloc(0);
  const buffer = Buffer.alloc(chunkBytes);
  try {
    while (!signal.aborted) {
      const next = await newerThan(file, handle);
      // Looked for first: what was written before the file was put aside is there by now.
      for (let bytes = -1; bytes !== 0; ) {
        ({ bytesRead: bytes } = await handle.read(buffer, 0, chunkBytes, position));
        position += bytes;
        const lines = Buffer.concat([rest, buffer.subarray(0, bytes)]);
        const end = lines.lastIndexOf(10) + 1;
        rest = Buffer.from(lines.subarray(end));
        if (end > 0)
          yield* lines
            .subarray(0, end - 1)
            .toString("utf8")
            .split("\n");
      }
      if (next === undefined) await delay(lookEveryMs, undefined, { signal }).catch(() => undefined);
      else {
        await handle.close();
        handle = next;
        position = 0;
      }
    }
  } finally {
    await handle.close();
  }
}

/** The file that was begun after this one; undefined while this is the newest, or names move at this moment. */
async function newerThan(file: string, handle: FileHandle): Promise<FileHandle | undefined> {
  const { ino, nlink } = await handle.stat();
  let newer: { name: string; ino: number } | undefined;
  for (let number = 0; number < mostFiles; number += 1) {
    const name = number === 0 ? file : `${file}.${number}`;
    const found = await stat(name).catch(() => undefined);
    if (found?.ino === ino) return newer && openIfStill(newer);
    if (found === undefined) break;
    newer = { name, ino: found.ino };
  }
  // Removed, since so much was written meanwhile that it isn't kept any more: on with the oldest that is.
  return nlink === 0 && newer ? openIfStill(newer) : undefined;
}

async function openIfStill({ name, ino }: { name: string; ino: number }): Promise<FileHandle | undefined> {
  const handle = await open(name).catch(() => undefined);
  if (handle && (await handle.stat()).ino === ino) return handle;
  await handle?.close();
  return undefined;
}
