import { randomBytes } from "node:crypto";
import { emptyS3Storage, meansS3, openS3Storage } from "@tenantry/data";
import { newId } from "../../../kernel/index.ts";
import {
  type BucketAt,
  deleteSmall,
  getSmall,
  listBuckets,
  listNames,
  makeBucket,
  putSmall,
  removeBucket,
} from "./buckets.ts";
import { listCephBuckets, listCephUsers, removeCephUser } from "./ceph-users.ts";
import { makeBucketUser } from "./own-bucket.ts";
import {
  bucketNameOf,
  filesPrefix,
  keysOf,
  markersPrefix,
  meansWrongKey,
  type S3Server,
  whatServerSaid,
} from "./server.ts";
import { tryPrefixUsers, tryRole } from "./try-keys.ts";

type Candidate = Omit<S3Server, "id">;
type Mistake = { pointer: string; message: string };

export type CheckedS3Server = {
  /** What keeps it from being used, and at which field; empty when it can be. */
  mistakes: Mistake[];
  /** Whether the key may make buckets. */
  buckets: boolean;
  /** Whether environments at `prefix` get users of their own. */
  prefixUsers: boolean;
  /** What works but should be known. */
  warnings: string[];
};

/** Says in the bucket whose it is: two installations in one bucket would take each other's places for leftovers. */
const ownerKey = "tenantry.json";

/**
 * Tries a server out: reached, with this key, the bucket there and nobody else's, objects written, read, listed and
 * deleted; whether buckets and users can be made. Leaves nothing but the mark that the bucket is this installation's.
 */
export async function checkS3Server(
  server: Candidate,
  { installationId }: { installationId: string },
): Promise<CheckedS3Server> {
  const warnings = warningsFor(server);
  const none = { buckets: false, prefixUsers: false, warnings };
  try {
    const mistake =
      (await tryBucket(server, installationId)) ??
      (await tryUsers(server)) ??
      (await tryRole(server, warnings));
    if (mistake) return { mistakes: [mistake], ...none };
    const buckets = server.users !== null || (await canMakeBuckets(server));
    if (!buckets) warnings.push("The key may not make buckets, so that tenants can't have one of their own.");
    const prefixUsers = server.users !== null && (await tryPrefixUsers(server, warnings));
    if (!server.role) warnings.push(...whereKeysAreShared({ server, buckets, prefixUsers }));
    return { mistakes: [], buckets, prefixUsers, warnings };
  } catch (error) {
    return { mistakes: [explain(server, error)], ...none };
  }
}

function whereKeysAreShared({
  server,
  buckets,
  prefixUsers,
}: {
  server: Candidate;
  buckets: boolean;
  prefixUsers: boolean;
}): string[] {
  const shared = [!prefixUsers && "prefix", buckets && !server.users && "bucket"].filter(Boolean);
  if (shared.length === 0) return [];
  const levels = shared.join(" and ");
  return [`At ${levels} applications get this key: files are kept apart by their names, not by rights.`];
}

/** Takes back the mark: the bucket can be another installation's from now on. */
export async function releaseS3Server(
  server: S3Server,
  { installationId }: { installationId: string },
): Promise<void> {
  try {
    if ((await getSmall(server, ownerKey)) === markOf(installationId)) await deleteSmall(server, ownerKey);
  } catch (error) {
    // It may be gone for good, which is why it is taken out; whoever finds the mark is told what it means.
    if (whatServerSaid(error) === undefined) throw error;
  }
}

const markOf = (installationId: string) => JSON.stringify({ installation: installationId });

function warningsFor({ endpoint }: Candidate): string[] {
  const { protocol, hostname } = new URL(endpoint);
  const isHere = ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
  return protocol === "https:" || isHere
    ? []
    : ["The way to it isn't encrypted: anybody there can read files."];
}

async function tryBucket(server: Candidate, installationId: string): Promise<Mistake | undefined> {
  const owner = await getSmall(server, ownerKey);
  if (owner !== undefined && owner !== markOf(installationId)) {
    const message = `The bucket ${server.bucket} belongs to another installation of Tenantry.`;
    return { pointer: "/bucket", message };
  }
  await listNames(server, markersPrefix);
  const trial = `${filesPrefix}trial-${newId()}/`;
  const storage = openS3Storage({ ...server, prefix: trial });
  const bytes = randomBytes(1_000);
  try {
    const put = await storage.put("a/b", bytes, { contentType: "image/png" });
    const { body, contentType, etag } = await storage.get("a/b", { range: { start: 10, end: 19 } });
    const read = Buffer.concat(await body.toArray());
    // Each such body is held against its ETag from now on: a store that gives others shows it here.
    const whole = Buffer.concat(await (await storage.get("a/b")).body.toArray());
    const listed = (await storage.list()).items.map(({ key }) => key);
    await storage.delete("a/b");
    const left = (await storage.list()).items.length;
    const isWhole =
      whole.equals(bytes) &&
      read.equals(bytes.subarray(10, 20)) &&
      contentType === "image/png" &&
      etag === put.etag;
    if (!isWhole || listed.join() !== "a/b" || left !== 0) {
      return {
        pointer: "/endpoint",
        message: "It doesn't keep objects as S3 does: what was written isn't what was read.",
      };
    }
  } finally {
    await emptyS3Storage({ ...server, prefix: trial }).catch(() => false); // The first error says what is wrong.
  }
  await putSmall(server, ownerKey, markOf(installationId));
  return undefined;
}

async function tryUsers(server: Candidate): Promise<Mistake | undefined> {
  if (!server.users) return undefined;
  const id = newId();
  const uid = bucketNameOf(server, `trial-${id}`);
  const trial: S3Server = { ...server, id };
  const keys = keysOf(() => randomBytes(32), trial, uid);
  try {
    await makeBucketUser(trial, uid, keys);
    await listBuckets({ ...server, ...keys.application });
    await removeCephUser(trial, uid);
    await listCephBuckets(trial);
    await listCephUsers(trial);
    return undefined;
  } catch (error) {
    const said = whatServerSaid(error);
    if (said === undefined) throw error;
    const message = `The key can't make users by Ceph's admin API (${said}): it needs the capabilities users=*, buckets=* and metadata=read.`;
    return { pointer: "/users", message };
  }
}

async function canMakeBuckets(server: Candidate): Promise<boolean> {
  const at: BucketAt = { ...server, bucket: bucketNameOf(server, newId().slice(-12)) };
  try {
    await makeBucket(at);
    return await removeBucket(at);
  } catch (error) {
    if (meansS3(error, "AccessDenied", "TooManyBuckets", 403)) return false;
    throw error;
  }
}

function explain(server: Candidate, error: unknown): Mistake {
  const said = whatServerSaid(error);
  if (said === undefined) throw error;
  const cause = (error as Error).name === "StorageUnavailable" ? (error as Error).cause : error;
  if (meansS3(cause, "InvalidAccessKeyId")) {
    return { pointer: "/accessKeyId", message: `It doesn't know the key ${server.accessKeyId}.` };
  }
  if (meansWrongKey(cause))
    return { pointer: "/secretAccessKey", message: `The secret of the key is another (${said}).` };
  if (meansS3(cause, "RequestTimeTooSkewed")) {
    return { pointer: "/endpoint", message: "Its clock and this machine's are too far apart." };
  }
  if (meansS3(cause, "NoSuchBucket")) {
    return { pointer: "/bucket", message: `There is no bucket ${server.bucket}.` };
  }
  if (meansS3(cause, "AccessDenied")) {
    return {
      pointer: "/bucket",
      message: `The key may not read, write, list and delete in ${server.bucket}.`,
    };
  }
  return { pointer: "/endpoint", message: `It can't be used: ${said}.` };
}
