/** S3 servers that files stand on, and where the files of a new environment go [ISO-7]. */
export { copyStorage } from "./copy-storage.ts";
export { giveStorageKeys, openStorage } from "./open-storage.ts";
export { createStoragePlaces, type StorageOn, type StoragePlaces, tidyStorages } from "./places.ts";
export { storageRoutes } from "./routes.ts";
export { checkStorages, settleStorages } from "./upkeep.ts";
