import path from "node:path";
import { ObjectNotFound } from "../../errors.ts";
import { checkContentType, defaultContentType } from "../content-type.ts";
import { checkLimit, makeCursor, parseCursor } from "../cursor.ts";
import { parseKey } from "../key.ts";
import type { ListOptions, ObjectPage, Storage, StorageUsage, StoredObject } from "../storage.ts";
import { type Directory, openRoot } from "./directory.ts";
import { describe, headObject, readObject } from "./read.ts";
import { removeObject } from "./remove.ts";
import { signFsDownload, signFsUpload } from "./sign.ts";
import { type FoundFile, walkObjects } from "./walk.ts";
import { writeObject } from "./write.ts";

export { removeFsStorage, removingSuffix } from "./remove-tree.ts";
export { type Allowed, readSigned, signedFilesPath } from "./sign.ts";
export { tidyFsStorage } from "./tidy.ts";

export type FsStorageSettings = {
  /** Of this environment alone: what requests are signed with, and what `readSigned` checks them with. */
  signingKey?: string;
};

/**
 * The files of one environment in a directory of their own, as plain files under their keys; types and checksums stand
 * in `.tenantry` beside them. Several processes may use the directory at once. Holds nothing open between calls. The
 * directory must exist; when it belongs to another user and we are root, so does everything made in it.
 */
export function openFsStorage(directory: string, { signingKey = "" }: FsStorageSettings = {}): Storage {
  const place = path.resolve(directory);

  return {
    async put(key, body, options = {}) {
      const parts = parseKey(key);
      const contentType = checkContentType(options.contentType ?? defaultContentType);
      const maxBytes = options.maxBytes ?? Number.POSITIVE_INFINITY;
      await using root = await openRoot(place);
      return await writeObject(root, place, key, parts, body, { ...options, contentType, maxBytes });
    },
    async get(key, options = {}) {
      const parts = parseKey(key);
      await using root = await openRoot(place);
      return await readObject(root, key, parts, options);
    },
    async head(key) {
      const parts = parseKey(key);
      await using root = await openRoot(place);
      return await headObject(root, key, parts);
    },
    async delete(key) {
      const parts = parseKey(key);
      await using root = await openRoot(place);
      await removeObject(root, place, key, parts);
    },
    async list(options = {}) {
      await using root = await openRoot(place);
      return await listObjects(root, options);
    },
    async usage() {
      await using root = await openRoot(place);
      return await countObjects(root);
    },
    async signDownload(key, options = {}) {
      parseKey(key);
      return signFsDownload(signingKey, key, options);
    },
    async signUpload(key, options) {
      parseKey(key);
      return signFsUpload(signingKey, key, options);
    },
  };
}

async function listObjects(root: Directory, options: ListOptions): Promise<ObjectPage> {
  const limit = checkLimit(options.limit);
  const after = options.cursor === undefined ? undefined : parseCursor(options.cursor);
  const found: FoundFile[] = [];
  let more = false;
  for await (const file of walkObjects(root, { prefix: options.prefix, after })) {
    more = found.length === limit;
    if (more) break;
    found.push(file);
  }
  const described = await mapSome(found, async ({ key, stats }) => {
    return (await describe(root, key, stats)) ?? (await headUnlessGone(root, key));
  });
  return {
    items: described
      .filter((object) => object !== undefined)
      .map(({ key, size, etag, modifiedAt }) => ({ key, size, etag, modifiedAt })),
    nextCursor: more ? makeCursor(found.at(-1)!.key) : undefined,
  };
}

/** Maps with eight at work at a time. */
async function mapSome<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = new Array(items.length);
  const todo = items.entries();
  const worker = async () => {
    for (const [index, item] of todo) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return results;
}

async function headUnlessGone(root: Directory, key: string): Promise<StoredObject | undefined> {
  try {
    return await headObject(root, key, parseKey(key));
  } catch (error) {
    if (error instanceof ObjectNotFound) return undefined;
    throw error;
  }
}

async function countObjects(root: Directory): Promise<StorageUsage> {
  const usage = { bytes: 0, objects: 0 };
  for await (const { stats } of walkObjects(root, {})) {
    usage.bytes += Number(stats.size);
    usage.objects += 1;
  }
  return usage;
}
