import { createHash, randomBytes, randomInt } from "node:crypto";
import { type BigIntStats, constants } from "node:fs";
import { type FileHandle, lstat, open, rename, unlink } from "node:fs/promises";
import { KeyConflict, ObjectTooLarge, StorageFull } from "../../errors.ts";
import { reservedPart } from "../key.ts";
import type { StorageBody, StoredObject } from "../storage.ts";
import { type Directory, makeBelow, type Owner, ownerOf } from "./directory.ts";
import { type MetadataRecord, removeRecord, writeRecord } from "./metadata.ts";
import { errorCode, meansAbsent, meansFull } from "./system-error.ts";
import { withTurn } from "./turns.ts";

export const temporaryArea = [reservedPart, "incoming"] as const;

const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;

type Received = { stats: BigIntStats; record: MetadataRecord };

export type WriteOptions = { contentType: string; maxBytes: number; signal?: AbortSignal };

/**
 * Writes an object: body into a temporary file, record beside, then one rename. Killed anywhere before the rename, the
 * old object stands untouched; what is left over is swept by `tidyFsStorage`.
 */
export async function writeObject(
  root: Directory,
  turn: string,
  key: string,
  parts: readonly string[],
  body: StorageBody,
  options: WriteOptions,
): Promise<StoredObject> {
  const owner = await ownerOf(root);
  await using incoming = await makeBelow(root, temporaryArea, owner).catch((error: unknown) => {
    throw meansFull(error) ? new StorageFull({ cause: error }) : error;
  });
  const temporary = incoming.at(randomBytes(16).toString("hex"));
  let received: Received | undefined;
  try {
    received = await receive(root, temporary, key, body, options, owner);
    const { stats } = received;
    await withTurn(`${turn}\0${key}`, () => moveIntoPlace(root, temporary, key, parts, stats, owner));
    return {
      key,
      size: Number(stats.size),
      etag: received.record.etag,
      contentType: options.contentType,
      modifiedAt: stats.mtime,
    };
  } catch (error) {
    if (received) await removeRecord(root, key, received.stats);
    await unlink(temporary).catch(ignoreAbsent);
    throw meansFull(error) ? new StorageFull({ cause: error }) : error;
  }
}

async function receive(
  root: Directory,
  temporary: string,
  key: string,
  body: StorageBody,
  options: WriteOptions,
  owner: Owner,
): Promise<Received> {
  await using file = await open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  if (owner) await file.chown(owner.uid, owner.gid);
  const etag = await copyBody(file, key, body, options);
  const record = { key, contentType: options.contentType, etag };
  for (;;) {
    const stats = await stampUniquely(file);
    await file.sync();
    // Two versions of one key with the same size in the same microsecond: the later one takes another time.
    if (await writeRecord(root, stats, record, owner)) return { stats, record };
  }
}

async function copyBody(
  file: FileHandle,
  key: string,
  body: StorageBody,
  options: WriteOptions,
): Promise<string> {
  const hash = createHash("sha256");
  let bytes = 0;
  const chunks = typeof body === "string" || body instanceof Uint8Array ? [body] : body;
  options.signal?.throwIfAborted();
  for await (const chunk of chunks) {
    options.signal?.throwIfAborted();
    const data = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    bytes += data.byteLength;
    if (bytes > options.maxBytes) throw new ObjectTooLarge(key, options.maxBytes);
    hash.update(data);
    await file.writeFile(data);
  }
  return hash.digest("hex");
}

// The time is part of what tells versions apart, so it gets random microseconds (and is never a whole second).
async function stampUniquely(file: FileHandle): Promise<BigIntStats> {
  const seconds = (Math.floor(Date.now()) * 1000 + randomInt(1, 1000)) / 1_000_000;
  await file.utimes(seconds, seconds);
  return file.stat({ bigint: true });
}

async function moveIntoPlace(
  root: Directory,
  temporary: string,
  key: string,
  parts: readonly string[],
  stats: BigIntStats,
  owner: Owner,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await using parent = await makeBelow(root, parts.slice(0, -1), owner);
      const target = parent.at(parts.at(-1)!);
      const before = await lstat(target, { bigint: true }).catch(ignoreAbsent);
      await rename(temporary, target);
      await parent.handle.sync();
      if (before && before.mtimeNs !== stats.mtimeNs) await removeRecord(root, key, before);
      return;
    } catch (error) {
      // A deletion took the emptied directory away between our opening it and the rename: make it again.
      if (errorCode(error) === "ENOENT" && attempt < 20) continue;
      if (["ENOTDIR", "EISDIR", "ELOOP", "ENOTEMPTY", "EEXIST"].includes(errorCode(error) ?? "")) {
        throw new KeyConflict(key, { cause: error });
      }
      throw error;
    }
  }
}

export function ignoreAbsent(error: unknown): undefined {
  if (!meansAbsent(error)) throw error;
}
