import { CopyObjectCommand } from "@aws-sdk/client-s3";
import { parseKey } from "../key.ts";
import { meansS3, speaking } from "./failures.ts";
import { partDeadlineMs, type S3Place, s3ClientOf, within } from "./place.ts";

/** More than this a store doesn't copy in one request. */
const largestCopy = 5 * 1024 ** 3;

/**
 * Has the store copy an object, with its type, from one place to another that the same key reaches. False, and nothing
 * done, when the object is too large for it or the store knows no such thing. Throws `ObjectNotFound`.
 */
export async function copyS3Object(
  from: S3Place,
  to: S3Place,
  { key, size }: { key: string; size: number },
  { signal }: { signal: AbortSignal },
): Promise<boolean> {
  parseKey(key);
  if (size > largestCopy) return false;
  const source = `${from.bucket}/${from.prefix}${key}`.split("/").map(encodeURIComponent).join("/");
  const command = new CopyObjectCommand({ Bucket: to.bucket, Key: to.prefix + key, CopySource: source });
  try {
    const send = () => s3ClientOf(to).send(command, within(partDeadlineMs, signal));
    await speaking(key, send, signal);
    return true;
  } catch (error) {
    if (meansS3((error as Error).cause, "NotImplemented", "MethodNotAllowed", 501, 405)) return false;
    throw error;
  }
}
