import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { chmod, open, opendir, rename, rmdir, unlink } from "node:fs/promises";
import path from "node:path";
import { asDirectory, type Directory, openRoot } from "./directory.ts";
import { errorCode, meansAbsent, meansOccupied } from "./system-error.ts";

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
/** Opens without asking for a right to read. Node has no name for it; the number is Linux's on every architecture we run on. */
const O_PATH = 0o10000000;

const atOnce = 32;
const timeoutMs = 600_000;

/** Beside the directory stands one of this name while it is being removed, and after a removal that was cut short. */
export const removingSuffix = ".removing";

/**
 * Removes a directory with all that is in it, and nothing else: symlinks are removed, never followed, also when the
 * directory's owner swaps them in while we work. It is first moved aside, so that nobody finds it any more; who is
 * writing still may go on for a while, and it goes on until nothing is left, or the signal aborts (ten minutes at most).
 * Depth costs nothing: no more than two directories are open at once. Repeatable.
 */
export async function removeFsStorage(
  directory: string,
  options: { signal?: AbortSignal } = {},
): Promise<void> {
  const limit = AbortSignal.timeout(timeoutMs);
  const signal = options.signal ? AbortSignal.any([options.signal, limit]) : limit;
  const { dir, base } = path.parse(path.resolve(directory));
  const [here, aside] = [Buffer.from(base), Buffer.from(base + removingSuffix)];
  await using parent = await openRoot(dir);
  for (;;) {
    await removeWhole(parent, aside, signal);
    if (await removeEntry(parent, here)) return;
    try {
      await rename(pathOf(parent, here), pathOf(parent, aside));
    } catch (error) {
      // Another remover may have been faster, with either step.
      if (!meansAbsent(error) && !meansOccupied(error)) throw error;
    }
  }
}

async function removeWhole(parent: Directory, name: Buffer, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    if (await removeEntry(parent, name)) return;
    await emptyDirectory(parent, name, signal);
    if (await removeDirectory(parent, name)) return;
  }
}

async function emptyDirectory(parent: Directory, name: Buffer, signal: AbortSignal): Promise<void> {
  await using top = await openReadable(parent, name);
  if (!top) return;
  for await (const names of entriesOf(top)) {
    signal.throwIfAborted();
    await Promise.all(
      names.map(async (entry) => {
        if (await removeEntry(top, entry)) return;
        await liftUp(top, entry, signal);
        await removeDirectory(top, entry);
      }),
    );
  }
}

// What is in a directory below moves up beside it, to be emptied in its turn: no depth, no recursion.
async function liftUp(top: Directory, name: Buffer, signal: AbortSignal): Promise<void> {
  await using below = await openReadable(top, name);
  if (!below) return;
  for await (const names of entriesOf(below)) {
    signal.throwIfAborted();
    for (const entry of names) {
      if (await removeEntry(below, entry)) continue;
      const aside = randomBytes(16).toString("hex");
      try {
        await makeWritable(below, entry);
        await rename(pathOf(below, entry), top.at(aside));
      } catch (error) {
        if (!meansAbsent(error)) throw error;
      }
    }
  }
}

async function* entriesOf(directory: Directory): AsyncGenerator<Buffer[]> {
  // Names may be any bytes; as texts, some couldn't be named again.
  const entries = await opendir(directory.at("."), {
    encoding: "buffer" as BufferEncoding,
    bufferSize: atOnce,
  });
  let names: Buffer[] = [];
  for await (const entry of entries) {
    names.push(entry.name as unknown as Buffer);
    if (names.length < atOnce) continue;
    yield names;
    names = [];
  }
  if (names.length > 0) yield names;
}

/** Removes anything but a directory; false when it is one. */
async function removeEntry(directory: Directory, name: Buffer): Promise<boolean> {
  try {
    await unlink(pathOf(directory, name));
    return true;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return true;
    if (errorCode(error) === "EISDIR") return false;
    throw error;
  }
}

/** Removes an empty directory; false when it isn't empty. */
async function removeDirectory(directory: Directory, name: Buffer): Promise<boolean> {
  try {
    await rmdir(pathOf(directory, name));
    return true;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return true;
    if (meansOccupied(error) || errorCode(error) === "ENOTDIR") return false;
    throw error;
  }
}

async function openReadable(parent: Directory, name: Buffer): Promise<Directory | undefined> {
  try {
    await makeWritable(parent, name);
    return asDirectory(await open(pathOf(parent, name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  } catch (error) {
    if (meansAbsent(error)) return undefined;
    throw error;
  }
}

// Its owner may have taken all rights away from a directory. chmod by name would follow a link swapped in; by an
// O_PATH descriptor it changes what was opened.
async function makeWritable(parent: Directory, name: Buffer): Promise<void> {
  await using handle = await open(pathOf(parent, name), O_PATH | O_DIRECTORY | O_NOFOLLOW);
  const { mode } = await handle.stat();
  if ((mode & 0o700) !== 0o700) await chmod(`/proc/self/fd/${handle.fd}`, 0o700);
}

function pathOf(directory: Directory, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(directory.at("")), name]);
}
