import type { RuntimeEnvironment, RuntimeStorage } from "@tenantry/contract";
import { createS3KeySource, openFsStorage, openS3Storage, type Storage } from "@tenantry/data";
import type { RuntimeApi } from "./runtime/api.ts";

export type OpenFiles = (environmentId: RuntimeEnvironment["id"], storage: RuntimeStorage) => Storage;

/** Opens tenants' files wherever they lie. Keys that are given for a time are kept for as long as the place is the same. */
export function createFileStores(api: Pick<RuntimeApi, "storageKeys">): OpenFiles {
  /** By the places in the snapshot, which stay the same objects until they change. */
  const opened = new WeakMap<RuntimeStorage, Storage>();
  return (environmentId, storage) => {
    if (storage.driver === "fs") return openFsStorage(storage.directory, storage);
    if (!("temporary" in storage)) return openS3Storage(storage);
    const known = opened.get(storage);
    if (known) return known;
    const keySource = createS3KeySource((lastsSeconds) => api.storageKeys(environmentId, lastsSeconds));
    const files = openS3Storage({ ...storage, keySource });
    opened.set(storage, files);
    return files;
  };
}
