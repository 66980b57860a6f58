import { setTimeout as pause } from "node:timers/promises";
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  ListMultipartUploadsCommand,
} from "@aws-sdk/client-s3";
import { StorageUnavailable } from "../../errors.ts";
import { meansS3, speaking } from "./failures.ts";
import { walkS3 } from "./list.ts";
import { requestDeadlineMs, type S3Place, type S3Reach, s3ClientOf, within } from "./place.ts";

const batchSize = 1_000;
const mostLooks = 6;
const pauseMs = 50;

export async function deleteS3Object(place: S3Reach, key: string): Promise<void> {
  const command = new DeleteObjectCommand({ Bucket: place.bucket, Key: place.prefix + key });
  await speaking(key, () => s3ClientOf(place).send(command, within(requestDeadlineMs)));
}

/**
 * Removes everything in the place, begun uploads first (one that ends meanwhile is an object then), in batches, until a
 * look finds nothing. Whoever may still write can fill it again: take his key first. False when somebody does.
 */
export async function emptyS3Storage(
  place: S3Place,
  options: { signal?: AbortSignal } = {},
): Promise<boolean> {
  await abandonS3Uploads(place, options);
  for (let look = 1; look <= mostLooks; look += 1) {
    const { found, failed } = await deleteFound(place, options.signal);
    if (!found) return true;
    if (failed && look === mostLooks) throw new StorageUnavailable({ cause: failed });
    // What is being written at this moment can't be deleted, and writer and deleter hold each other up: let him finish.
    await pause(look * pauseMs, undefined, options);
  }
  return false;
}

/** Deletes what one look finds. */
async function deleteFound(place: S3Place, signal: AbortSignal | undefined) {
  let batch: string[] = [];
  const seen = { found: false, failed: undefined as unknown };
  const flush = async () => {
    if (batch.length > 0) seen.failed = (await deleteBatch(place, batch)) ?? seen.failed;
    batch = [];
  };
  for await (const { key } of walkS3(place, { prefix: "" })) {
    signal?.throwIfAborted();
    seen.found = true;
    batch.push(key);
    if (batch.length === batchSize) await flush();
  }
  await flush();
  return seen;
}

/** What it couldn't delete one of the keys for, if so. */
async function deleteBatch(place: S3Place, keys: readonly string[]): Promise<unknown> {
  const Objects = keys.map((key) => ({ Key: place.prefix + key }));
  const command = new DeleteObjectsCommand({ Bucket: place.bucket, Delete: { Objects, Quiet: true } });
  const { Errors = [] } = await speaking("", () =>
    s3ClientOf(place).send(command, within(requestDeadlineMs)),
  );
  const failed = Errors.find(({ Code }) => Code !== "NoSuchKey");
  return (
    failed &&
    Object.assign(new Error(`${failed.Key}: ${failed.Message}`), { name: failed.Code, $metadata: {} })
  );
}

/** Gives up uploads of parts that began before `before`, all when it is left out. */
export async function abandonS3Uploads(
  place: S3Place,
  { before, signal }: { before?: Date; signal?: AbortSignal } = {},
): Promise<{ removed: number }> {
  const client = s3ClientOf(place);
  let removed = 0;
  for (let markers = {}; ; ) {
    signal?.throwIfAborted();
    const list = new ListMultipartUploadsCommand({
      Bucket: place.bucket,
      Prefix: place.prefix,
      ...markers,
    });
    const page = await speaking("", () => client.send(list, within(requestDeadlineMs, signal)), signal);
    for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
      if (before && (Initiated ?? new Date()) > before) continue;
      const command = new AbortMultipartUploadCommand({ Bucket: place.bucket, Key, UploadId });
      await speaking("", () => client.send(command, within(requestDeadlineMs, signal)), signal).catch(
        (error) => {
          // Finished, or given up by somebody else.
          if (!meansS3((error as Error).cause, "NoSuchUpload", 404)) throw error;
        },
      );
      removed += 1;
    }
    if (!page.IsTruncated) return { removed };
    markers = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
  }
}
