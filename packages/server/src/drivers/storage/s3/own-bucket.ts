import { setTimeout as pause } from "node:timers/promises";
import { emptyS3Storage, meansS3, type S3Place } from "@tenantry/data";
import { failure } from "../../../kernel/index.ts";
import type { DriverContext } from "../../context.ts";
import { listBuckets, makeBucket, removeBucket } from "./buckets.ts";
import { cephKeysOf, cephOwnerOf, makeCephUser, removeCephKey, removeCephUser } from "./ceph-users.ts";
import { meansWrongKey, type S3Server, type Until, type UserKeys } from "./server.ts";

/** An environment's bucket, reached by the keeper key of its own user, or by the server's where it has none. */
export type BucketPlace = S3Place & { form: "bucket"; keys: UserKeys | undefined } & Until;

/** How long writers whose key is gone may go on with what they had begun. */
const patienceMs = 60_000;
const pauseMs = 50;

/** Makes the bucket and, where users are made here, its user: named like the bucket. Repeatable. */
export async function makeOwnBucket(server: S3Server, place: BucketPlace): Promise<void> {
  if (place.keys) await makeBucketUser(server, place.bucket, place.keys);
  if (await isOurs(server, place)) return;
  await makeBucket(place);
  if (await isOurs(server, place)) return;
  throw failure("name_taken", {
    detail: `The bucket ${place.bucket} belongs to somebody else.`,
    remedy: "Register a server with another bucket: those of environments are called after it.",
  });
}

/** The keeper's key comes first: a user without an application's key is one that is shut out. */
export const makeBucketUser = (server: S3Server, uid: string, keys: UserKeys): Promise<void> =>
  makeCephUser(server, uid, { keys: [keys.keeper, keys.application], maxBuckets: 1 });

/** The application's key goes first, so that nobody fills again what is being emptied. */
export async function removeOwnBucket(
  context: DriverContext,
  server: S3Server,
  place: BucketPlace,
): Promise<void> {
  if (place.keys) await removeCephKey(server, place.bucket, place.keys.application.accessKeyId);
  for (const until = Date.now() + patienceMs; await isOurs(server, place); ) {
    await context.assertLease();
    await emptyS3Storage(place, { signal: context.signal });
    if (await removeBucket(place)) break;
    if (Date.now() > until) throw stillWritten(place.bucket);
    await pause(pauseMs, undefined, { signal: context.signal });
  }
  if (place.keys) await removeCephUser(server, place.bucket);
}

/** A removal that can't end, since whoever writes has a key that others need, too. */
export function stillWritten(name: string): Error {
  const detail = `Somebody still writes to ${name}.`;
  return failure("busy", { detail, remedy: "Stop the application's processes, then try again." });
}

/** Whether the bucket stands and is ours: what belongs to somebody else is never touched. */
async function isOurs(server: S3Server, place: BucketPlace): Promise<boolean> {
  if (place.keys) return (await cephOwnerOf(server, place.bucket)) === place.bucket;
  return (await listBuckets(place)).includes(place.bucket);
}

export async function verifyOwnBucket(server: S3Server, place: BucketPlace): Promise<string[]> {
  const { bucket, keys } = place;
  if (!keys) return (await isOurs(server, place)) ? [] : [`The bucket ${bucket} isn't there, or isn't ours.`];
  const present = await cephKeysOf(server, bucket);
  if (!present) return [`The user ${bucket} isn't there.`];
  const wrong: string[] = [];
  const expected = [keys.application.accessKeyId, keys.keeper.accessKeyId];
  if (expected.some((key) => !present.includes(key))) wrong.push(`The user ${bucket} lacks a key.`);
  if (present.some((key) => !expected.includes(key))) {
    wrong.push(`The user ${bucket} has a key that Tenantry didn't make.`);
  }
  const owner = await cephOwnerOf(server, bucket);
  if (owner !== bucket) wrong.push(`The bucket ${bucket} ${owner ? `belongs to ${owner}` : "isn't there"}.`);
  return wrong.length > 0 ? wrong : tryBoth(place, keys);
}

async function tryBoth(place: BucketPlace, keys: UserKeys): Promise<string[]> {
  for (const key of [keys.application, keys.keeper]) {
    const seen = await listBuckets({ ...place, ...key }).catch((error: unknown) => {
      // A gateway of Ceph that gives keys for a time says no more than this of a wrong one.
      if (!meansWrongKey(error) && !meansS3(error, "AccessDenied")) throw error;
    });
    if (!seen) return [`A key of ${place.bucket} has another secret than Tenantry gave it.`];
    if (seen.some((name) => name !== place.bucket)) return [`The user ${place.bucket} has more buckets.`];
  }
  return [];
}
