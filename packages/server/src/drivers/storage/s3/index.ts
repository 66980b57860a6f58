import { abandonS3Uploads, emptyS3Storage, openS3Storage, type S3Place } from "@tenantry/data";
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
  atStore,
  bucketNameOf,
  filesPrefix,
  formOf,
  keysOf,
  markersPrefix,
  requireForm,
  type S3Store,
} from "./store.ts";

export type { S3Store } from "./store.ts";

export type S3StorageOptions = {
  store: S3Store;
  /** A secret of this installation for a purpose: always the same, and nobody else knows it. */
  deriveKey: (purpose: string) => Buffer;
};

const staleUploadMs = 86_400_000;

/**
 * Files in an S3 store. At `prefix` and `own`: `files/<environment>/…` in the store's bucket. At `bucket`: a bucket for
 * the environment, called after the store's, with a user of its own where our key may make users.
 */
export function createS3StorageDriver({ store, deriveKey }: S3StorageOptions): StorageDriver {
  const { endpoint, region, accessKeyId, secretAccessKey } = store;
  const resourceOf = (physicalName: string) => ({
    ...{ kind: "storage", driver: "s3", serverId: store.id, physicalName },
  });

  /** The place as we reach it: by the store's key, or by the keeper key of the environment's own user. */
  function placeOf(name: string): BucketPlace | (S3Place & { form: "prefix" }) {
    const form = requireForm(store, name);
    const at = { endpoint, region, accessKeyId, secretAccessKey };
    if (form === "prefix") return { form, ...at, bucket: store.bucket, prefix: `${filesPrefix}${name}/` };
    const keys = store.users ? keysOf(deriveKey, store, name) : undefined;
    return { form, ...at, ...keys?.keeper, bucket: name, prefix: "", keys };
  }

  const handle = (physicalName: string) => openS3Storage(placeOf(physicalName));

  return {
    driver: "s3",
    nameFor(environmentId, level) {
      const encodedId = encodeUuid(environmentId);
      return level === "bucket" ? bucketNameOf(store, encodedId) : encodedId;
    },
    async provision(context, physicalName) {
      const place = placeOf(physicalName);
      await context.declareResource(resourceOf(physicalName));
      await context.assertLease();
      await atStore(store, async () => {
        if (place.form === "bucket") await makeOwnBucket(store, place);
        else await putSmall(store, markersPrefix + physicalName, "");
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
    measure: (physicalName) => handle(physicalName).usage(),
    verify(physicalName) {
      const place = placeOf(physicalName);
      return atStore(store, async () => {
        if (place.form === "bucket") return verifyOwnBucket(store, place);
        const stands = await hasObject(store, markersPrefix + physicalName);
        return stands ? [] : [`The place ${physicalName} in the bucket ${store.bucket} isn't there.`];
      });
    },
    tidy: () => atStore(store, () => tidy(store, placeOf)),
    async remove(context, physicalName) {
      const place = placeOf(physicalName);
      await context.assertLease();
      await atStore(store, async () => {
        if (place.form === "bucket") return removeOwnBucket(context, store, place);
        // The marker goes last: while it is there, everybody sees that something may be left.
        if (!(await emptyS3Storage(place, { signal: context.signal }))) throw stillWritten(physicalName);
        await deleteSmall(store, markersPrefix + physicalName);
      });
      await context.resourceRemoved(resourceOf(physicalName));
    },
    list: () => atStore(store, () => listPlaces(store)),
  };
}

/** By their markers, by what lies in them, by their buckets, and by their users. */
async function listPlaces(store: S3Store): Promise<string[]> {
  const prefixes = [...(await listNames(store, markersPrefix)), ...(await listNames(store, filesPrefix))];
  const buckets = store.users
    ? [...(await listCephBuckets(store)), ...(await listCephUsers(store))]
    : await listBuckets(store);
  const places = [
    ...prefixes.filter((name) => formOf(store, name) === "prefix"),
    ...buckets.filter((name) => formOf(store, name) === "bucket"),
  ];
  return [...new Set(places)];
}

async function tidy(store: S3Store, placeOf: (name: string) => S3Place): Promise<{ removed: number }> {
  const before = new Date(Date.now() - staleUploadMs);
  let { removed } = await abandonS3Uploads({ ...store, prefix: filesPrefix }, { before });
  for (const name of await listPlaces(store)) {
    if (formOf(store, name) !== "bucket") continue;
    removed += (await abandonS3Uploads(placeOf(name), { before })).removed;
  }
  return { removed };
}
