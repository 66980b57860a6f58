import { type BigIntStats, constants, existsSync } from "node:fs";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { StorageUnavailable } from "../../errors.ts";
import { errorCode } from "./system-error.ts";

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;

/**
 * A directory held open. `at(name)` names an entry of exactly this directory, whatever happens meanwhile to the path
 * that led to it: the kernel resolves `/proc/self/fd/N` to the open directory, which makes it an `openat`. An
 * application that swaps a directory for a symlink between two calls therefore gains nothing.
 */
export type Directory = {
  at(name: string): string;
  handle: FileHandle;
  [Symbol.asyncDispose](): Promise<void>;
};

/** Who shall own what is made inside: set when we run as root on behalf of another user. */
export type Owner = { uid: number; gid: number } | undefined;

export async function openRoot(path: string): Promise<Directory> {
  if (!existsSync("/proc/self/fd")) {
    throw new Error("File storage needs /proc/self/fd, as Linux has it: mount /proc.");
  }
  try {
    return asDirectory(await open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  } catch (error) {
    throw new StorageUnavailable({ cause: error });
  }
}

/** The owner to give new entries: the directory's own, when we are root and it isn't. */
export async function ownerOf(directory: Directory): Promise<Owner> {
  if (process.geteuid?.() !== 0) return undefined;
  const { uid, gid } = await directory.handle.stat();
  return uid === 0 ? undefined : { uid, gid };
}

/**
 * Whether a file has more than one name and belongs to somebody else than the directory. As root we would read for an
 * application what it can't: where the kernel doesn't forbid it (`fs.protected_hardlinks`), it may give any file a name.
 */
export async function isAnothers(root: Directory, file: BigIntStats): Promise<boolean> {
  if (process.geteuid?.() !== 0 || file.nlink === 1n) return false;
  return file.uid !== (await root.handle.stat({ bigint: true })).uid;
}

/** Opens a directory below, one part at a time and never through a symlink; throws ENOENT or ENOTDIR. */
export async function openBelow(root: Directory, parts: readonly string[]): Promise<Directory> {
  return descend(root, parts, (directory, part) => openEntry(directory, part));
}

/** The same, making what is missing. */
export async function makeBelow(root: Directory, parts: readonly string[], owner: Owner): Promise<Directory> {
  return descend(root, parts, async (directory, part) => {
    try {
      return await openEntry(directory, part);
    } catch (error) {
      if (errorCode(error) !== "ENOENT") throw error;
    }
    try {
      await mkdir(directory.at(part), 0o700);
    } catch (error) {
      // Another writer was faster: what matters is that it stands.
      if (errorCode(error) !== "EEXIST") throw error;
    }
    const made = await openEntry(directory, part);
    if (owner) await made.handle.chown(owner.uid, owner.gid);
    return made;
  });
}

async function descend(
  root: Directory,
  parts: readonly string[],
  next: (directory: Directory, part: string) => Promise<Directory>,
): Promise<Directory> {
  // Without parts it is the root itself, which is whoever opened it to close.
  let current: Directory = { ...root, [Symbol.asyncDispose]: async () => undefined };
  for (const part of parts) {
    try {
      const below = await next(current, part);
      await current[Symbol.asyncDispose]();
      current = below;
    } catch (error) {
      await current[Symbol.asyncDispose]();
      throw error;
    }
  }
  return current;
}

async function openEntry(directory: Directory, name: string): Promise<Directory> {
  return asDirectory(await open(directory.at(name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
}

/** Takes an open directory over: closing is from now on the business of whoever disposes of the answer. */
export function asDirectory(handle: FileHandle): Directory {
  return {
    handle,
    at: (name) => `/proc/self/fd/${handle.fd}/${name}`,
    [Symbol.asyncDispose]: () => handle.close(),
  };
}
