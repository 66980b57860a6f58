export type { StorageDriver, StorageLocation } from "./driver.ts";
export { createFsStorageDriver, type FsStorageOptions } from "./fs/index.ts";
export { type StorageGround, storageProbes } from "./probes.ts";
export { createS3StorageDriver, type S3Store } from "./s3/index.ts";
