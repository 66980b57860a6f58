export type { StorageDriver } from "./driver.ts";
export { createFsStorageDriver, type FsStorageOptions } from "./fs/index.ts";
export { type StorageGround, storageProbes } from "./probes.ts";
