import {
  DataError,
  ObjectChanged,
  ObjectNotFound,
  ObjectTooLarge,
  StorageFull,
  StorageUnavailable,
} from "../../errors.ts";

type Answer = { name?: string; $metadata?: { httpStatusCode?: number } };

/** Whether a store answered with one of these errors: its name, or its status where an answer has no body (HEAD). */
export function meansS3(error: unknown, ...names: (string | number)[]): boolean {
  const { name, $metadata } = (error ?? {}) as Answer;
  return names.includes(name ?? "") || names.includes($metadata?.httpStatusCode ?? 0);
}

/** Says a store's error in the data path's words. What the caller did or aborted itself stays as it is. */
export function translateS3(error: unknown, key: string, signal?: AbortSignal): unknown {
  if (error instanceof DataError || signal?.aborted) return error;
  const because = { cause: error };
  if (meansS3(error, "NoSuchBucket")) return new StorageUnavailable(because);
  if (meansS3(error, "NoSuchKey", "NotFound")) return new ObjectNotFound(key, because);
  if (meansS3(error, "PreconditionFailed", 412)) return new ObjectChanged(key, because);
  if (meansS3(error, "QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", 507)) {
    return new StorageFull(because);
  }
  if (meansS3(error, "EntityTooLarge")) return new ObjectTooLarge(key, 5 * 2 ** 40);
  return new StorageUnavailable(because);
}

/** Runs what talks to a store, and throws in the data path's words. */
export async function speaking<Result>(
  key: string,
  work: () => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw translateS3(error, key, signal);
  }
}
