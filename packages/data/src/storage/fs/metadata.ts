import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { open, readdir, unlink } from "node:fs/promises";
import { z } from "zod";
import { reservedPart } from "../key.ts";
import { type Directory, makeBelow, type Owner, openBelow } from "./directory.ts";
import { errorCode, meansAbsent } from "./system-error.ts";

/**
 * What a plain file can't say about itself stands in a record beside it, whose name holds the key and the version (time
 * and size) of the file it belongs to. The record is written before the file gets its name, so a reader finds the record
 * of the very version it has opened, or, for a file that somebody else wrote, none. Extended attributes would do
 * too, but tar, cp and many file systems drop them.
 */
const recordShape = z.object({ key: z.string(), contentType: z.string(), etag: z.string() });

export type MetadataRecord = z.infer<typeof recordShape>;

export type FileVersion = { mtimeNs: bigint; size: bigint };

/** The records lie in directories below, named by the first two digits of the key's digest. */
export const metadataArea = [reservedPart] as const;
export const shardPattern = /^[0-9a-f]{2}$/;

/** Of any record: key and type have at most 1,024 and 255 bytes, in JSON six times as many. */
const maxRecordBytes = 8_192;

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants;

type RecordPlace = { shard: string; stem: string };

function placeOf(key: string): RecordPlace {
  const digest = createHash("sha256").update(key).digest("hex");
  return { shard: digest.slice(0, 2), stem: digest.slice(2, 42) };
}

function recordName(stem: string, version: FileVersion): string {
  return `${stem}.${version.mtimeNs}.${version.size}`;
}

/** Writes the record to disk; false when another version of the same key has the same time and size. */
export async function writeRecord(
  root: Directory,
  version: FileVersion,
  record: MetadataRecord,
  owner: Owner,
): Promise<boolean> {
  const { shard, stem } = placeOf(record.key);
  await using directory = await makeBelow(root, [...metadataArea, shard], owner);
  const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
  const path = directory.at(recordName(stem, version));
  let made = false;
  try {
    await using file = await open(path, flags, 0o600);
    made = true;
    if (owner) await file.chown(owner.uid, owner.gid);
    await file.writeFile(JSON.stringify(record));
    await file.sync();
    return true;
  } catch (error) {
    if (made) await unlink(path);
    else if (errorCode(error) === "EEXIST") return false;
    throw error;
  }
}

/** Removes the record of a version that no longer stands. Repeatable. */
export async function removeRecord(root: Directory, key: string, version: FileVersion): Promise<void> {
  const { shard, stem } = placeOf(key);
  try {
    await using directory = await openBelow(root, [...metadataArea, shard]);
    await unlink(directory.at(recordName(stem, version)));
  } catch (error) {
    if (!meansAbsent(error)) throw error;
  }
}

/** Finds the record of the version at hand; undefined for a file that didn't come through `put`. */
export async function readRecord(
  root: Directory,
  key: string,
  version: FileVersion,
): Promise<MetadataRecord | undefined> {
  const { shard, stem } = placeOf(key);
  try {
    await using directory = await openBelow(root, [...metadataArea, shard]);
    const exact = await readRecordFile(directory, recordName(stem, version));
    const record = exact ?? (await readTruncated(directory, stem, version));
    return record?.key === key ? record : undefined;
  } catch (error) {
    if (meansAbsent(error)) return undefined;
    throw error;
  }
}

// Archivers cut times to whole seconds (tar does unless told otherwise). We never write such a time ourselves.
async function readTruncated(
  directory: Directory,
  stem: string,
  version: FileVersion,
): Promise<MetadataRecord | undefined> {
  const isFitting = truncatedNames(stem, version);
  if (!isFitting) return undefined;
  const fitting = (await readdir(directory.at("."))).filter(isFitting);
  return fitting.length === 1 ? readRecordFile(directory, fitting[0]!) : undefined;
}

function truncatedNames(stem: string, version: FileVersion): ((name: string) => boolean) | undefined {
  const second = 1_000_000_000n;
  if (version.mtimeNs % second !== 0n) return undefined;
  const start = `${stem}.${version.mtimeNs / second}`;
  const length = recordName(stem, version).length;
  return (name) => name.length === length && name.startsWith(start) && name.endsWith(`.${version.size}`);
}

/** Reads one record by its file's name; undefined when there is none, or none that can be understood. */
export async function readRecordFile(
  directory: Directory,
  name: string,
): Promise<MetadataRecord | undefined> {
  try {
    await using file = await open(directory.at(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const { buffer, bytesRead } = await file.read({
      buffer: Buffer.allocUnsafe(maxRecordBytes),
      position: 0,
    });
    return parseRecord(buffer.toString("utf8", 0, bytesRead));
  } catch (error) {
    if (meansAbsent(error)) return undefined;
    throw error;
  }
}

function parseRecord(text: string): MetadataRecord | undefined {
  try {
    return recordShape.safeParse(JSON.parse(text)).data;
  } catch {
    // Cut off by a crash before its file got a name: the version it speaks of never stood.
    return undefined;
  }
}

/** Whether `name` is the record of this key at this version. */
export function isRecordOf(shard: string, name: string, key: string, version: FileVersion): boolean {
  const place = placeOf(key);
  if (place.shard !== shard) return false;
  return recordName(place.stem, version) === name || truncatedNames(place.stem, version)?.(name) === true;
}
