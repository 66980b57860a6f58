import { type BigIntStats, constants } from "node:fs";
import { type FileHandle, lstat, open } from "node:fs/promises";
import { Readable } from "node:stream";
import { ObjectChanged, ObjectNotFound } from "../../errors.ts";
import { defaultContentType } from "../content-type.ts";
import { resolveRange } from "../range.ts";
import type { GetOptions, ObjectContent, StoredObject } from "../storage.ts";
import { type Directory, isAnothers, openBelow } from "./directory.ts";
import { readRecord } from "./metadata.ts";
import { meansAbsent } from "./system-error.ts";

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

/**
 * Joins a file's own facts with its record; undefined when the object was replaced or deleted meanwhile, and its record
 * with it: look again. A file that somebody else wrote has no record and gets its etag from time and size.
 */
export async function describe(
  root: Directory,
  key: string,
  stats: BigIntStats,
): Promise<StoredObject | undefined> {
  const record = await readRecord(root, key, stats);
  if (!record && !(await stillStands(root, key, stats))) return undefined;
  return {
    key,
    size: Number(stats.size),
    etag: record?.etag ?? `${stats.mtimeNs.toString(16)}-${stats.size.toString(16)}`,
    contentType: record?.contentType ?? defaultContentType,
    modifiedAt: stats.mtime,
  };
}

async function stillStands(root: Directory, key: string, stats: BigIntStats): Promise<boolean> {
  const parts = key.split("/");
  try {
    await using parent = await openBelow(root, parts.slice(0, -1));
    const now = await lstat(parent.at(parts.at(-1)!), { bigint: true });
    return now.ino === stats.ino && now.mtimeNs === stats.mtimeNs && now.size === stats.size;
  } catch (error) {
    if (meansAbsent(error)) return false;
    throw error;
  }
}

/** Opens the object's file, for the caller to close. Throws `ObjectNotFound`. */
async function openObject(
  root: Directory,
  key: string,
  parts: readonly string[],
): Promise<{ file: FileHandle; stats: BigIntStats }> {
  try {
    await using parent = await openBelow(root, parts.slice(0, -1));
    // Without O_NONBLOCK, opening a pipe that lies there would wait for a writer for ever.
    const file = await open(parent.at(parts.at(-1)!), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const stats = await file.stat({ bigint: true });
    if (stats.isFile() && !(await isAnothers(root, stats))) return { file, stats };
    await file.close();
  } catch (error) {
    if (!meansAbsent(error)) throw error;
  }
  throw new ObjectNotFound(key);
}

/** Throws `ObjectNotFound`. */
export async function headObject(
  root: Directory,
  key: string,
  parts: readonly string[],
): Promise<StoredObject> {
  for (;;) {
    const { file, stats } = await openObject(root, key, parts);
    await file.close();
    const object = await describe(root, key, stats);
    if (object) return object;
  }
}

/** Throws `ObjectNotFound`, `ObjectChanged` or `RangeNotSatisfiable`. */
export async function readObject(
  root: Directory,
  key: string,
  parts: readonly string[],
  { range: wanted, ifMatch }: GetOptions,
): Promise<ObjectContent> {
  for (;;) {
    const { file, stats } = await openObject(root, key, parts);
    try {
      const object = await describe(root, key, stats);
      if (object) {
        if (ifMatch !== undefined && object.etag !== ifMatch) throw new ObjectChanged(key);
        const range = wanted && resolveRange(key, wanted, object.size);
        return { ...object, ...(range && { range }), body: await streamOf(file, object.size, range) };
      }
    } catch (error) {
      await file.close();
      throw error;
    }
    await file.close();
  }
}

async function streamOf(
  file: FileHandle,
  size: number,
  range: { start: number; end: number } | undefined,
): Promise<Readable> {
  if (size === 0) {
    await file.close();
    return Readable.from([]);
  }
  return file.createReadStream(range ?? { start: 0, end: size - 1 });
}
