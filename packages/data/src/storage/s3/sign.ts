import { GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { checkContentType } from "../content-type.ts";
import {
  checkBytes,
  checkExpiry,
  type SignDownloadOptions,
  type SignedRequest,
  type SignUploadOptions,
} from "../signed.ts";
import { type S3Reach, s3ClientOf } from "./place.ts";

/** A request is good for no longer than the key that it is signed with. */
async function checkedExpiry(place: S3Reach, given: number | undefined): Promise<number> {
  const seconds = checkExpiry(given);
  if ("keySource" in place) await place.keySource.get(seconds);
  return seconds;
}

/** Signed here, without asking the server. */
export async function signS3Download(
  place: S3Reach,
  key: string,
  options: SignDownloadOptions,
): Promise<SignedRequest> {
  const expiresIn = await checkedExpiry(place, options.expiresInSeconds);
  const command = new GetObjectCommand({ Bucket: place.bucket, Key: place.prefix + key });
  const expiresAt = new Date(Date.now() + expiresIn * 1_000);
  const url = await getSignedUrl(s3ClientOf(place), command, { expiresIn });
  return { method: "GET", url, headers: {}, expiresAt };
}

/** The type and the length are among what is signed: another one makes the signature another. */
export async function signS3Upload(
  place: S3Reach,
  key: string,
  options: SignUploadOptions,
): Promise<SignedRequest> {
  const expiresIn = await checkedExpiry(place, options.expiresInSeconds);
  const [ContentType, ContentLength] = [checkContentType(options.contentType), checkBytes(options.bytes)];
  const object = { Bucket: place.bucket, Key: place.prefix + key, ContentType, ContentLength };
  const expiresAt = new Date(Date.now() + expiresIn * 1_000);
  const url = await getSignedUrl(s3ClientOf(place), new PutObjectCommand(object), {
    expiresIn,
    signableHeaders: new Set(["host", "content-type", "content-length"]),
  });
  const headers = { "content-type": ContentType, "content-length": String(ContentLength) };
  return { method: "PUT", url, headers, expiresAt };
}
