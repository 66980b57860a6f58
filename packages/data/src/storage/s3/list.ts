import { ListObjectsV2Command } from "@aws-sdk/client-s3";
import { checkLimit, makeCursor, parseCursor } from "../cursor.ts";
import { isKey, parsePrefix } from "../key.ts";
import type { ListedObject, ListOptions, ObjectPage, StorageUsage } from "../storage.ts";
import { speaking } from "./failures.ts";
import { requestDeadlineMs, type S3Reach, s3ClientOf, within } from "./place.ts";
import { plainEtag } from "./read.ts";

const pageSize = 1_000;

export async function listS3Objects(place: S3Reach, options: ListOptions): Promise<ObjectPage> {
  const limit = checkLimit(options.limit);
  const after = options.cursor === undefined ? undefined : parseCursor(options.cursor);
  const prefix = options.prefix ?? "";
  parsePrefix(prefix);
  const items: ListedObject[] = [];
  for await (const object of walkS3(place, { prefix, after, pageSize: limit + 1 })) {
    // Put there by others, under names that no key has.
    if (!isKey(object.key)) continue;
    if (items.length === limit) return { items, nextCursor: makeCursor(items.at(-1)!.key) };
    items.push(object);
  }
  return { items, nextCursor: undefined };
}

export async function countS3Objects(place: S3Reach): Promise<StorageUsage> {
  const usage = { bytes: 0, objects: 0 };
  for await (const { size } of walkS3(place, { prefix: "" })) {
    usage.bytes += size;
    usage.objects += 1;
  }
  return usage;
}

/** All that lies in the place, in the order of the keys' UTF-8 bytes. */
export async function* walkS3(
  place: S3Reach,
  options: { prefix: string; after?: string | undefined; pageSize?: number },
): AsyncGenerator<ListedObject> {
  const { bucket, prefix } = place;
  for (let after = options.after; ; ) {
    const command = new ListObjectsV2Command({
      Bucket: bucket,
      Prefix: prefix + options.prefix,
      MaxKeys: Math.min(options.pageSize ?? pageSize, pageSize),
      ...(after !== undefined && { StartAfter: prefix + after }),
    });
    const page = await speaking(options.prefix, () =>
      s3ClientOf(place).send(command, within(requestDeadlineMs)),
    );
    const { Contents = [] } = page;
    for (const object of Contents) {
      yield {
        key: object.Key!.slice(prefix.length),
        size: object.Size ?? 0,
        etag: plainEtag(object.ETag),
        modifiedAt: object.LastModified ?? new Date(0),
      };
    }
    if (!page.IsTruncated || Contents.length === 0) return;
    after = Contents.at(-1)!.Key!.slice(prefix.length);
  }
}
