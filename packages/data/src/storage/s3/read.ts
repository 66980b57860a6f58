import type { Readable } from "node:stream";
import {
  GetObjectCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  ListObjectsV2Command,
} from "@aws-sdk/client-s3";
import { ObjectNotFound, RangeNotSatisfiable } from "../../errors.ts";
import { defaultContentType } from "../content-type.ts";
import { checkRange } from "../range.ts";
import type { GetOptions, ObjectContent, StoredObject } from "../storage.ts";
import { contentCheckOf } from "./content-check.ts";
import { meansS3, translateS3 } from "./failures.ts";
import { requestDeadlineMs, type S3Reach, s3ClientOf, within } from "./place.ts";
import { watched } from "./watched.ts";

export const plainEtag = (etag: string | undefined): string => (etag ?? "").replaceAll('"', "");

export async function headS3Object(place: S3Reach, key: string): Promise<StoredObject> {
  const command = new HeadObjectCommand({ Bucket: place.bucket, Key: place.prefix + key });
  try {
    const output = await s3ClientOf(place).send(command, within(requestDeadlineMs));
    return describe(key, output, output.ContentLength ?? 0);
  } catch (error) {
    throw await translateRead(place, key, error);
  }
}

/**
 * A store doesn't say that an object isn't there to whoever may not list the whole bucket: it refuses. A list of the
 * place's own keys tells.
 */
async function translateRead(place: S3Reach, key: string, error: unknown): Promise<unknown> {
  if (!meansS3(error, "AccessDenied", 403)) return translateS3(error, key);
  const wanted = place.prefix + key;
  const command = new ListObjectsV2Command({ Bucket: place.bucket, Prefix: wanted, MaxKeys: 1 });
  try {
    const { Contents } = await s3ClientOf(place).send(command, within(requestDeadlineMs));
    if (Contents?.[0]?.Key !== wanted) return new ObjectNotFound(key, { cause: error });
  } catch {
    // Not even its own list: the first answer says what is wrong.
  }
  return translateS3(error, key);
}

/** Throws `ObjectNotFound`, `ObjectChanged` or `RangeNotSatisfiable`. */
export async function readS3Object(
  place: S3Reach,
  key: string,
  { range, ifMatch }: GetOptions,
): Promise<ObjectContent> {
  if (range) checkRange(range);
  if (range?.end !== undefined && range.end < range.start) {
    throw new RangeNotSatisfiable(key, (await headS3Object(place, key)).size);
  }
  const command = new GetObjectCommand({
    Bucket: place.bucket,
    Key: place.prefix + key,
    ...(range && { Range: `bytes=${range.start}-${range.end ?? ""}` }),
    ...(ifMatch !== undefined && { IfMatch: `"${ifMatch}"` }),
  });
  // The deadline is for the answer's beginning: how long its body takes is the reader's business.
  const beginning = new AbortController();
  const timer = setTimeout(() => beginning.abort(new Error("timed out")), requestDeadlineMs);
  try {
    const output = await s3ClientOf(place).send(command, { abortSignal: beginning.signal });
    const given = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(output.ContentRange ?? "");
    const size = given ? Number(given[3]) : (output.ContentLength ?? 0);
    return {
      ...describe(key, output, size),
      ...(given && range && { range: { start: Number(given[1]), end: Number(given[2]) } }),
      body: watched(output.Body as Readable, {
        translate: (error) => translateS3(error, key) as Error,
        check: contentCheckOf(output),
      }),
    };
  } catch (error) {
    if (meansS3(error, "InvalidRange", 416)) {
      throw new RangeNotSatisfiable(key, (await headS3Object(place, key)).size);
    }
    throw await translateRead(place, key, error);
  } finally {
    clearTimeout(timer);
  }
}

function describe(
  key: string,
  output: Pick<HeadObjectCommandOutput, "ETag" | "ContentType" | "LastModified">,
  size: number,
): StoredObject {
  return {
    key,
    size,
    etag: plainEtag(output.ETag),
    contentType: output.ContentType || defaultContentType,
    modifiedAt: output.LastModified ?? new Date(0),
  };
}
