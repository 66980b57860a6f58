import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import {
  meansS3,
  type S3Address,
  type S3KeySource,
  type S3Keys,
  type S3Place,
  s3ClientOf,
} from "@tenantry/data";
import { type Until, within } from "./server.ts";

export type BucketAt = Omit<S3Place, "prefix"> & Until;
type AnyKeyAt = Omit<S3Address, "prefix"> & (S3Keys | { keySource: S3KeySource }) & Until;

const deadline = (at: Until) => ({ abortSignal: within(25_000, at) });

/** Makes the bucket for the key's own user. One that stands may be his, or somebody else's: `listBuckets` tells. */
export async function makeBucket(at: BucketAt): Promise<void> {
  const isAmazon = new URL(at.endpoint).hostname.endsWith(".amazonaws.com");
  const LocationConstraint = at.region as "eu-west-1";
  const command = new CreateBucketCommand({
    Bucket: at.bucket,
    ...(isAmazon && at.region !== "us-east-1" && { CreateBucketConfiguration: { LocationConstraint } }),
  });
  try {
    await s3ClientOf(at).send(command, deadline(at));
  } catch (error) {
    if (!meansS3(error, "BucketAlreadyOwnedByYou", "BucketAlreadyExists")) throw error;
  }
}

/** False when something lies in it. One that isn't there counts as removed. */
export async function removeBucket(at: BucketAt): Promise<boolean> {
  try {
    await s3ClientOf(at).send(new DeleteBucketCommand({ Bucket: at.bucket }), deadline(at));
  } catch (error) {
    if (meansS3(error, "BucketNotEmpty")) return false;
    if (!meansS3(error, "NoSuchBucket")) throw error;
  }
  return true;
}

/** The buckets that belong to the key's user. */
export async function listBuckets(at: Omit<BucketAt, "bucket">): Promise<string[]> {
  const found: string[] = [];
  for (let ContinuationToken: string | undefined; ; ) {
    const page = await s3ClientOf(at).send(new ListBucketsCommand({ ContinuationToken }), deadline(at));
    found.push(...(page.Buckets ?? []).map(({ Name }) => Name!));
    ContinuationToken = page.ContinuationToken;
    if (!ContinuationToken) return found;
  }
}

/** What a directory of that prefix would show: the parts of keys up to the next slash. */
export async function listNames(at: BucketAt, prefix: string): Promise<string[]> {
  const found: string[] = [];
  for (let ContinuationToken: string | undefined; ; ) {
    const asked = { Bucket: at.bucket, Prefix: prefix, Delimiter: "/", ContinuationToken };
    const page = await s3ClientOf(at).send(new ListObjectsV2Command(asked), deadline(at));
    const keys = (page.Contents ?? []).map(({ Key }) => Key!);
    const folders = (page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix!.slice(0, -1));
    found.push(...[...keys, ...folders].map((key) => key.slice(prefix.length)));
    ContinuationToken = page.NextContinuationToken;
    if (!ContinuationToken) return found;
  }
}

export async function putSmall(at: BucketAt, key: string, body: string): Promise<void> {
  const object = { Bucket: at.bucket, Key: key, Body: body, ContentType: "text/plain" };
  await s3ClientOf(at).send(new PutObjectCommand(object), deadline(at));
}

/** Undefined when there is no such object. */
export async function getSmall(at: BucketAt, key: string): Promise<string | undefined> {
  try {
    const command = new GetObjectCommand({ Bucket: at.bucket, Key: key });
    const { Body } = await s3ClientOf(at).send(command, deadline(at));
    return await Body!.transformToString();
  } catch (error) {
    if (meansS3(error, "NoSuchKey")) return undefined;
    throw error;
  }
}

export async function hasObject(at: AnyKeyAt, key: string): Promise<boolean> {
  try {
    await s3ClientOf(at).send(new HeadObjectCommand({ Bucket: at.bucket, Key: key }), deadline(at));
    return true;
  } catch (error) {
    if (meansS3(error, "NotFound", 404)) return false;
    throw error;
  }
}

export async function deleteSmall(at: BucketAt, key: string): Promise<void> {
  await s3ClientOf(at).send(new DeleteObjectCommand({ Bucket: at.bucket, Key: key }), deadline(at));
}
