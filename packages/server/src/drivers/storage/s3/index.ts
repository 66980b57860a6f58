import {
  abandonS3Uploads,
  copyS3Object,
  emptyS3Storage,
  meansS3,
  openS3Storage,
  type S3Place,
} from "@tenantry/data";
import { encodeUuid } from "../../../kernel/index.ts";
import type { DriverContext } from "../../context.ts";
import type { StorageDriver } from "../driver.ts";
import { admitKey, giveTemporaryKeys, locationOf, repairKey } from "./application-keys.ts";
import { deleteSmall, hasObject, listBuckets, listNames, putSmall } from "./buckets.ts";
import { listCephBuckets, listCephUsers } from "./ceph-users.ts";
import { makeOwnBucket, removeOwnBucket, stillWritten, verifyOwnBucket } from "./own-bucket.ts";
import { type AnyPlace, hasUser, placeOf } from "./place.ts";
import { makePrefixUser, removePrefixUser, verifyPrefixUser } from "./prefix-users.ts";
import {
  atServer,
  bucketNameOf,
  filesPrefix,
  formOf,
  markersPrefix,
  prefixUserOf,
  type S3Server,
  type Until,
} from "./server.ts";

export type { S3Server } from "./server.ts";

export type S3StorageOptions = {
  server: S3Server;
  /** A secret of this installation for a purpose: always the same, and nobody else knows it. */
  deriveKey: (purpose: string) => Buffer;
};

const staleUploadMs = 86_400_000;

/**
 * Files in an S3 server. At `prefix` and `own`: `files/<environment>/…` in the server's bucket. At `bucket`: a bucket for
 * the environment, called after the server's. Applications have the key of the environment's own user where our key may
 * make users, else keys for a time where it may assume a role, else our key.
 */
export function createS3StorageDriver({ server, deriveKey }: S3StorageOptions): StorageDriver {
  const resourceOf = (physicalName: string) => ({
    ...{ kind: "storage", driver: "s3", serverId: server.id, physicalName },
  });

  const place = (name: string) => placeOf(server, deriveKey, name);
  const handle = (physicalName: string) => openS3Storage(place(physicalName));

  return {
    driver: "s3",
    nameFor(environmentId, level) {
      const encodedId = encodeUuid(environmentId);
      return level === "bucket" ? bucketNameOf(server, encodedId) : encodedId;
    },
    async provision(context, physicalName) {
      const { signal } = context;
      const at = { ...server, signal };
      const found = place(physicalName);
      await context.declareResource(resourceOf(physicalName));
      await context.assertLease();
      await atServer(at, () => makePlace(at, { ...found, signal }));
      await context.resourcePresent(resourceOf(physicalName));
    },
    handle,
    location: (physicalName) => locationOf(server, place(physicalName)),
    temporaryKeys: async (name, asked) => giveTemporaryKeys(server, place(name), { name, ...asked }),
    admit: async (name, admitted, { signal }) => admitKey({ ...server, signal }, place(name), admitted),
    repair: async (name, { signal }) => repairKey({ ...server, signal }, place(name)),
    async copyWithin(from, to, object, options) {
      const [source, target] = [place(from), place(to)];
      // An environment's own user can't read another's.
      if (source.accessKeyId !== target.accessKeyId) return false;
      return copyS3Object(source, target, object, options);
    },
    measure: (physicalName) => handle(physicalName).usage(),
    verify: (physicalName) => atServer(server, () => verifyPlace(server, place(physicalName))),
    tidy: () => atServer(server, () => tidy(server, place)),
    async remove(context, physicalName) {
      const { signal } = context;
      const at = { ...server, signal };
      const found = place(physicalName);
      await context.assertLease();
      await atServer(at, () => removePlace(context, at, { ...found, signal }));
      await context.resourceRemoved(resourceOf(physicalName));
    },
    list: () => atServer(server, () => listPlaces(server)),
  };
}

async function makePlace(at: S3Server, place: AnyPlace & Until): Promise<void> {
  if (place.form === "bucket") return makeOwnBucket(at, place);
  await putSmall(at, markersPrefix + place.name, "An environment's files.");
  if (hasUser(place)) await makePrefixUser(at, place);
}

async function verifyPlace(server: S3Server, place: AnyPlace): Promise<string[]> {
  if (place.form === "bucket") return verifyOwnBucket(server, place);
  const stands = await hasObject(server, markersPrefix + place.name);
  const wrong = stands ? [] : [`The place ${place.name} in the bucket ${server.bucket} isn't there.`];
  return hasUser(place) ? [...wrong, ...(await verifyPrefixUser(server, place))] : wrong;
}

async function removePlace(context: DriverContext, at: S3Server, place: AnyPlace & Until): Promise<void> {
  if (place.form === "bucket") return removeOwnBucket(context, at, place);
  // Who has the key of a user that is gone fills nothing again.
  if (hasUser(place)) await removePrefixUser(at, place);
  const { accessKeyId, secretAccessKey } = at;
  const ofServer = { ...place, accessKeyId, secretAccessKey };
  if (!(await emptyS3Storage(ofServer, { signal: context.signal }))) throw stillWritten(place.name);
  // The marker goes last: while it is there, everybody sees that something may be left.
  await deleteSmall(at, markersPrefix + place.name);
}

/** By their markers, by what lies in them, by their buckets, and by their users. */
async function listPlaces(server: S3Server): Promise<string[]> {
  const prefixes = [...(await listNames(server, markersPrefix)), ...(await listNames(server, filesPrefix))];
  const users = server.users ? await listCephUsers(server) : [];
  const buckets = server.users ? [...(await listCephBuckets(server)), ...users] : await listBuckets(server);
  const ofUser = (uid: string) => (uid === prefixUserOf(server, uid.slice(-26)) ? uid.slice(-26) : "");
  const places = [
    ...users.map(ofUser).filter((name) => formOf(server, name) === "prefix"),
    ...prefixes.filter((name) => formOf(server, name) === "prefix"),
    ...buckets.filter((name) => formOf(server, name) === "bucket"),
  ];
  return [...new Set(places)];
}

async function tidy(server: S3Server, placeOf: (name: string) => S3Place): Promise<{ removed: number }> {
  const before = new Date(Date.now() - staleUploadMs);
  let { removed } = await abandonS3Uploads({ ...server, prefix: filesPrefix }, { before });
  for (const name of await listPlaces(server)) {
    if (formOf(server, name) !== "bucket") continue;
    try {
      removed += (await abandonS3Uploads(placeOf(name), { before })).removed;
    } catch (error) {
      // Half made, half removed, or a bucket of that name which is somebody else's: nothing of ours lies there.
      if (!meansS3((error as Error).cause, "InvalidAccessKeyId", "AccessDenied", "NoSuchBucket")) throw error;
    }
  }
  return { removed };
}
