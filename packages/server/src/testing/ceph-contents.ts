/** What stands on an S3 server, for tests that run an installation as a whole. */
export { listBuckets, listNames, makeBucket } from "../drivers/storage/s3/buckets.ts";
export { cephKeysOf, listCephBuckets, listCephUsers } from "../drivers/storage/s3/ceph-users.ts";
