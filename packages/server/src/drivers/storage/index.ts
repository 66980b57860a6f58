export { type ComparedFiles, compareFiles } from "./compare-files.ts";
export { type CopiedFiles, type CopyEnd, copyFiles, type Ends } from "./copy-files.ts";
export type { StorageDriver, StorageLocation } from "./driver.ts";
export { createFsStorageDriver } from "./fs/index.ts";
export { storageProbes } from "./probes.ts";
export { checkS3Server, releaseS3Server } from "./s3/check.ts";
export { createS3StorageDriver, type S3Server } from "./s3/index.ts";
