/** S3 servers that files stand on, and where the files of a new environment go [ISO-7]. */
export {
  admitStorage,
  type ComparedStorage,
  carryLateFiles,
  compareStorage,
  lateUntil,
} from "./carry-storage.ts";
export { type CopiedFiles, copyStorage, type StoredAt } from "./copy-storage.ts";
export { giveStorageKeys, openStorage } from "./open-storage.ts";
export { createStoragePlaces, type StorageOn, type StoragePlaces, tidyStorages } from "./places.ts";
export { storageRoutes } from "./routes.ts";
export { findStorageServer } from "./servers.ts";
export { checkStorages, settleStorages } from "./upkeep.ts";
