import { checkContentType, defaultContentType } from "../content-type.ts";
import { parseKey } from "../key.ts";
import type { Storage } from "../storage.ts";
import { deleteS3Object } from "./empty.ts";
import { countS3Objects, listS3Objects } from "./list.ts";
import type { S3Reach } from "./place.ts";
import { headS3Object, readS3Object } from "./read.ts";
import { signS3Download, signS3Upload } from "./sign.ts";
import { writeS3Object } from "./write.ts";

export { copyS3Object } from "./copy.ts";
export { abandonS3Uploads, emptyS3Storage } from "./empty.ts";
export { meansS3 } from "./failures.ts";
export {
  createS3KeySource,
  longestKeysSeconds,
  type S3KeySource,
  type S3Keys,
  shortestKeysSeconds,
  type TemporaryS3Keys,
} from "./keys.ts";
export { type S3Address, type S3Place, type S3Reach, s3ClientOf } from "./place.ts";

/**
 * The files of one environment in a bucket, below its prefix. Several processes may use it at once. What a store
 * doesn't answer in time, or answers with its own failure, is tried again a few times and then `StorageUnavailable`.
 */
export function openS3Storage(place: S3Reach): Storage {
  if (place.prefix !== "" && !place.prefix.endsWith("/")) {
    // `files/a` would be the beginning of `files/ab/…`, too.
    throw new Error("A prefix ends with a slash.");
  }
  return {
    async put(key, body, options = {}) {
      parseKey(key);
      const contentType = checkContentType(options.contentType ?? defaultContentType);
      const maxBytes = options.maxBytes ?? Number.POSITIVE_INFINITY;
      return await writeS3Object(place, key, body, { ...options, contentType, maxBytes });
    },
    async get(key, options = {}) {
      parseKey(key);
      return await readS3Object(place, key, options);
    },
    async head(key) {
      parseKey(key);
      return await headS3Object(place, key);
    },
    async delete(key) {
      parseKey(key);
      await deleteS3Object(place, key);
    },
    list: async (options = {}) => await listS3Objects(place, options),
    usage: async () => await countS3Objects(place),
    async signDownload(key, options = {}) {
      parseKey(key);
      return await signS3Download(place, key, options);
    },
    async signUpload(key, options) {
      parseKey(key);
      return await signS3Upload(place, key, options);
    },
  };
}
