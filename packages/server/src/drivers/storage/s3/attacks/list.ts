import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketAclCommand,
  GetBucketPolicyCommand,
  GetObjectAclCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  ListPartsCommand,
  PutBucketAclCommand,
  PutBucketCorsCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectAclCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  type S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from "@aws-sdk/client-s3";
import type { S3Address } from "@tenantry/data";

/** Whose key the attacker has: of its own user at `prefix`, for a time, or of its own user at `bucket`. */
export type S3Way = "user" | "temporary" | "bucket";

export type S3Outcome = "refused" | "nothing" | { limit: string };

/** One environment with its own key and any client, and another whose files it is after. */
export type S3Attacker = {
  client: S3Client;
  own: S3Address;
  theirs: S3Address;
  /** An upload that the other has begun. */
  uploadId: string;
};

export type S3Attack = {
  group: string;
  title: string;
  /** Throws what the store refuses. */
  play(attacker: S3Attacker): Promise<unknown>;
  /** Refused when left out. */
  outcome?: S3Outcome | Partial<Record<S3Way, S3Outcome>>;
};

export function s3OutcomeOf({ outcome = "refused" }: S3Attack, way: S3Way): S3Outcome {
  if (typeof outcome === "string" || "limit" in outcome) return outcome as S3Outcome;
  return outcome[way] ?? "refused";
}

type Play = S3Attack["play"];

const their = ({ theirs }: S3Attacker, name = "secret") => ({
  Bucket: theirs.bucket,
  Key: `${theirs.prefix}${name}`,
});
const my = ({ own }: S3Attacker, name = "mine") => ({ Bucket: own.bucket, Key: `${own.prefix}${name}` });
const sourceOf = (attacker: S3Attacker) => `${their(attacker).Bucket}/${their(attacker).Key}`;

function group(name: string, attacks: [title: string, play: Play, outcome?: S3Attack["outcome"]][]) {
  return attacks.map(
    ([title, play, outcome]): S3Attack => ({ group: name, title, play, ...(outcome && { outcome }) }),
  );
}

const reading = group("Reading", [
  ["the neighbour's object", (a) => a.client.send(new GetObjectCommand(their(a)))],
  ["a range of it", (a) => a.client.send(new GetObjectCommand({ ...their(a), Range: "bytes=0-0" }))],
  ["a version of it", (a) => a.client.send(new GetObjectCommand({ ...their(a), VersionId: "null" }))],
  ["its size and type (HEAD)", (a) => a.client.send(new HeadObjectCommand(their(a)))],
  [
    "whether a name that it guesses is there (HEAD of one that isn't)",
    async (a) => {
      const error = await a.client.send(new HeadObjectCommand(their(a, "missing"))).catch((one) => one);
      if (error?.$metadata?.httpStatusCode === 403) throw error;
      return "it says that it isn't there";
    },
    { temporary: { limit: "Ceph says whether it is there; the other's id has to be guessed, too" } },
  ],
  ["its tags", (a) => a.client.send(new GetObjectTaggingCommand(their(a)))],
  ["its rights", (a) => a.client.send(new GetObjectAclCommand(their(a)))],
  [
    "it, by dots in a key of its own",
    (a) => a.client.send(new GetObjectCommand(my(a, `../${their(a).Key.split("/").slice(-2).join("/")}`))),
  ],
  [
    "it, by dots and slashes that are encoded",
    (a) => a.client.send(new GetObjectCommand(my(a, `%2e%2e%2f${encodeURIComponent(their(a).Key)}`))),
  ],
  [
    "it, by a key with a slash in front",
    (a) => a.client.send(new GetObjectCommand({ ...their(a), Key: `/${their(a).Key}` })),
  ],
  [
    "what lies in the bucket beside",
    (a) => a.client.send(new GetObjectCommand({ ...their(a), Key: "tenantry.json" })),
  ],
]);

const list = (a: S3Attacker, more: object) =>
  a.client.send(new ListObjectsV2Command({ Bucket: a.theirs.bucket, ...more }));

const listing = group("Listing", [
  ["the neighbour's prefix", (a) => list(a, { Prefix: a.theirs.prefix })],
  [
    "the same, as older clients ask",
    (a) => a.client.send(new ListObjectsCommand({ Bucket: a.theirs.bucket, Prefix: a.theirs.prefix })),
  ],
  ["the whole bucket", (a) => list(a, {})],
  ["an empty prefix", (a) => list(a, { Prefix: "" })],
  [
    "the prefix of all environments, a folder at a time",
    (a) => list(a, { Prefix: "files/", Delimiter: "/" }),
  ],
  ["its own prefix without the last character", (a) => list(a, { Prefix: a.own.prefix.slice(0, -2) })],
  ["from the neighbour's first key on", (a) => list(a, { StartAfter: a.theirs.prefix })],
  [
    "versions and markers of what was deleted",
    (a) => a.client.send(new ListObjectVersionsCommand({ Bucket: a.theirs.bucket, Prefix: a.theirs.prefix })),
  ],
  [
    "uploads that were begun",
    (a) => a.client.send(new ListMultipartUploadsCommand({ Bucket: a.theirs.bucket })),
  ],
  [
    "the neighbour's begun uploads",
    (a) =>
      a.client.send(new ListMultipartUploadsCommand({ Bucket: a.theirs.bucket, Prefix: a.theirs.prefix })),
  ],
  [
    "the buckets of the server",
    async (a) => {
      const { Buckets = [] } = await a.client.send(new ListBucketsCommand({}));
      if (Buckets.some(({ Name }) => Name !== a.own.bucket || a.own.prefix !== ""))
        return "others' are named";
    },
    { user: "nothing", bucket: "nothing" },
  ],
]);

const writing = group("Writing and deleting", [
  ["over the neighbour's object", (a) => a.client.send(new PutObjectCommand({ ...their(a), Body: "x" }))],
  ["a new object beside it", (a) => a.client.send(new PutObjectCommand({ ...their(a, "new"), Body: "x" }))],
  [
    "a copy of it into its own place",
    (a) => a.client.send(new CopyObjectCommand({ ...my(a, "stolen"), CopySource: sourceOf(a) })),
  ],
  [
    "its own object into the neighbour's place",
    (a) =>
      a.client.send(
        new CopyObjectCommand({ ...their(a, "new"), CopySource: `${my(a).Bucket}/${my(a).Key}` }),
      ),
  ],
  [
    "a part of an upload of its own, copied from the neighbour's",
    async (a) => {
      const begun = await a.client.send(new CreateMultipartUploadCommand(my(a, "parts")));
      const upload = { ...my(a, "parts"), UploadId: begun.UploadId };
      try {
        return await a.client.send(
          new UploadPartCopyCommand({ ...upload, PartNumber: 1, CopySource: sourceOf(a) }),
        );
      } finally {
        await a.client.send(new AbortMultipartUploadCommand(upload));
      }
    },
  ],
  [
    "an upload into the neighbour's place",
    (a) => a.client.send(new CreateMultipartUploadCommand(their(a, "new"))),
  ],
  ["deleting it", (a) => a.client.send(new DeleteObjectCommand(their(a)))],
  [
    "deleting a version of it",
    (a) => a.client.send(new DeleteObjectCommand({ ...their(a), VersionId: "null" })),
  ],
  [
    "deleting it with many others",
    async (a) => {
      const Objects = [{ Key: their(a).Key }];
      const answer = await a.client.send(
        new DeleteObjectsCommand({ Bucket: a.theirs.bucket, Delete: { Objects } }),
      );
      const [failed] = answer.Errors ?? [];
      if (failed)
        throw Object.assign(new Error(failed.Message), {
          name: failed.Code,
          $metadata: { httpStatusCode: 403 },
        });
      return answer;
    },
  ],
  [
    "tags on it",
    (a) =>
      a.client.send(
        new PutObjectTaggingCommand({ ...their(a), Tagging: { TagSet: [{ Key: "a", Value: "b" }] } }),
      ),
  ],
]);

const uploads = group("The neighbour's upload, whose id it has", [
  [
    "a part",
    (a) =>
      a.client.send(
        new UploadPartCommand({ ...their(a, "begun"), UploadId: a.uploadId, PartNumber: 2, Body: "x" }),
      ),
  ],
  [
    "a part, under a key of its own",
    (a) =>
      a.client.send(
        new UploadPartCommand({ ...my(a, "begun"), UploadId: a.uploadId, PartNumber: 2, Body: "x" }),
      ),
  ],
  [
    "a list of its parts",
    (a) => a.client.send(new ListPartsCommand({ ...their(a, "begun"), UploadId: a.uploadId })),
  ],
  [
    "a list of its parts, under a key of its own",
    (a) => a.client.send(new ListPartsCommand({ ...my(a, "begun"), UploadId: a.uploadId })),
  ],
  [
    "ending it",
    (a) =>
      a.client.send(
        new CompleteMultipartUploadCommand({
          ...their(a, "begun"),
          UploadId: a.uploadId,
          MultipartUpload: { Parts: [{ PartNumber: 1, ETag: "x" }] },
        }),
      ),
  ],
  [
    "giving it up",
    (a) => a.client.send(new AbortMultipartUploadCommand({ ...their(a, "begun"), UploadId: a.uploadId })),
  ],
]);

const everybody = (bucket: string) =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: "*", Action: "s3:*", Resource: `arn:aws:s3:::${bucket}/*` }],
  });

const opening = group("Opening the bucket", [
  [
    "a policy that lets everybody in",
    (a) =>
      a.client.send(
        new PutBucketPolicyCommand({ Bucket: a.theirs.bucket, Policy: everybody(a.theirs.bucket) }),
      ),
  ],
  ["reading its policy", (a) => a.client.send(new GetBucketPolicyCommand({ Bucket: a.theirs.bucket }))],
  ["reading its rights", (a) => a.client.send(new GetBucketAclCommand({ Bucket: a.theirs.bucket }))],
  [
    "rights for everybody",
    (a) => a.client.send(new PutBucketAclCommand({ Bucket: a.theirs.bucket, ACL: "public-read-write" })),
  ],
  [
    "rights for everybody on the neighbour's object",
    (a) => a.client.send(new PutObjectAclCommand({ ...their(a), ACL: "public-read" })),
  ],
  [
    "scripts of every site (CORS)",
    (a) =>
      a.client.send(
        new PutBucketCorsCommand({
          Bucket: a.theirs.bucket,
          CORSConfiguration: { CORSRules: [{ AllowedMethods: ["GET"], AllowedOrigins: ["*"] }] },
        }),
      ),
  ],
  [
    "versions",
    (a) =>
      a.client.send(
        new PutBucketVersioningCommand({
          Bucket: a.theirs.bucket,
          VersioningConfiguration: { Status: "Enabled" },
        }),
      ),
  ],
  [
    "a rule that deletes everything in a day",
    (a) =>
      a.client.send(
        new PutBucketLifecycleConfigurationCommand({
          Bucket: a.theirs.bucket,
          LifecycleConfiguration: {
            Rules: [{ Status: "Enabled", Filter: { Prefix: "" }, Expiration: { Days: 1 } }],
          },
        }),
      ),
  ],
  ["removing it", (a) => a.client.send(new DeleteBucketCommand({ Bucket: a.theirs.bucket }))],
  [
    "a bucket more",
    (a) => a.client.send(new CreateBucketCommand({ Bucket: `${a.own.bucket.slice(0, 30)}-more` })),
  ],
]);

/** What the tests play against a real S3 server, with each kind of key. */
export const s3Attacks: readonly S3Attack[] = [...reading, ...listing, ...writing, ...uploads, ...opening];
