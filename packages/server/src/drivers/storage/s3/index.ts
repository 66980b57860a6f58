import {
  abandonS3Uploads,
  copyS3Object,
  emptyS3Storage,
  meansS3,
  openS3Storage,
  type S3Place,
} from "@tenantry/data";
import { encodeUuid } from "../../../kernel/index.ts";
import type { StorageDriver } from "../driver.ts";
import { deleteSmall, hasObject, listBuckets, listNames, putSmall } from "./buckets.ts";
import { listCephBuckets, listCephUsers } from "./ceph-users.ts";
import {
  type BucketPlace,
  makeOwnBucket,
  removeOwnBucket,
  stillWritten,
  verifyOwnBucket,
} from "./own-bucket.ts";
import {
  atServer,
  bucketNameOf,
  filesPrefix,
  formOf,
  keysOf,
  markersPrefix,
  requireForm,
  type S3Server,
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
 * the environment, called after the server's, with a user of its own where our key may make users.
 */
export function createS3StorageDriver({ server, deriveKey }: S3StorageOptions): StorageDriver {
  const { endpoint, region, accessKeyId, secretAccessKey } = server;
  const resourceOf = (physicalName: string) => ({
    ...{ kind: "storage", driver: "s3", serverId: server.id, physicalName },
  });

  /** The place as we reach it: by the server's key, or by the keeper key of the environment's own user. */
  function placeOf(name: string): BucketPlace | (S3Place & { form: "prefix" }) {
    const form = requireForm(server, name);
    const at = { endpoint, region, accessKeyId, secretAccessKey };
    if (form === "prefix") return { form, ...at, bucket: server.bucket, prefix: `${filesPrefix}${name}/` };
    const keys = server.users ? keysOf(deriveKey, server, name) : undefined;
    return { form, ...at, ...keys?.keeper, bucket: name, prefix: "", keys };
  }

  const handle = (physicalName: string) => openS3Storage(placeOf(physicalName));

  return {
    driver: "s3",
    nameFor(environmentId, level) {
      const encodedId = encodeUuid(environmentId);
      return level === "bucket" ? bucketNameOf(server, encodedId) : encodedId;
    },
    async provision(context, physicalName) {
      const { signal } = context;
      const [place, at] = [
        { ...placeOf(physicalName), signal },
        { ...server, signal },
      ];
      await context.declareResource(resourceOf(physicalName));
      await context.assertLease();
      await atServer(at, async () => {
        if (place.form === "bucket") await makeOwnBucket(at, place);
        else await putSmall(at, markersPrefix + physicalName, "An environment's files.");
      });
      await context.resourcePresent(resourceOf(physicalName));
    },
    handle,
    location(physicalName) {
      const place = placeOf(physicalName);
      const given = (place.form === "bucket" && place.keys?.application) || place;
      const keys = { accessKeyId: given.accessKeyId, secretAccessKey: given.secretAccessKey };
      return { driver: "s3", endpoint, region, bucket: place.bucket, prefix: place.prefix, ...keys };
    },
    async copyWithin(from, to, object, options) {
      const [source, target] = [placeOf(from), placeOf(to)];
      // A user of a bucket's own can't read another's.
      if (source.accessKeyId !== target.accessKeyId) return false;
      return copyS3Object(source, target, object, options);
    },
    measure: (physicalName) => handle(physicalName).usage(),
    verify(physicalName) {
      const place = placeOf(physicalName);
      return atServer(server, async () => {
        if (place.form === "bucket") return verifyOwnBucket(server, place);
        const stands = await hasObject(server, markersPrefix + physicalName);
        return stands ? [] : [`The place ${physicalName} in the bucket ${server.bucket} isn't there.`];
      });
    },
    tidy: () => atServer(server, () => tidy(server, placeOf)),
    async remove(context, physicalName) {
      const { signal } = context;
      const [place, at] = [
        { ...placeOf(physicalName), signal },
        { ...server, signal },
      ];
      await context.assertLease();
      await atServer(at, async () => {
        if (place.form === "bucket") return removeOwnBucket(context, at, place);
        // The marker goes last: while it is there, everybody sees that something may be left.
        if (!(await emptyS3Storage(place, { signal }))) throw stillWritten(physicalName);
        await deleteSmall(at, markersPrefix + physicalName);
      });
      await context.resourceRemoved(resourceOf(physicalName));
    },
    list: () => atServer(server, () => listPlaces(server)),
  };
}

/** By their markers, by what lies in them, by their buckets, and by their users. */
async function listPlaces(server: S3Server): Promise<string[]> {
  const prefixes = [...(await listNames(server, markersPrefix)), ...(await listNames(server, filesPrefix))];
  const buckets = server.users
    ? [...(await listCephBuckets(server)), ...(await listCephUsers(server))]
    : await listBuckets(server);
  const places = [
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
