import type { Cache, Database, QueryOptions, Storage, TenantCache } from "@tenantry/data";
import { checkGlobalName } from "@tenantry/data";

/** A database that is looked up anew at each call: of the tenant that holds then, at the place where it is then. */
export function databaseHandle(current: () => Database): Database {
  return {
    query: async <Row>(text: string, params?: readonly unknown[], options?: QueryOptions) =>
      current().query<Row>(text, params, options),
    transaction: async (work, options) => current().transaction(work, options),
    async *stream<Row>(
      text: string,
      params?: readonly unknown[],
      options?: QueryOptions & { batchSize?: number },
    ) {
      yield* current().stream<Row>(text, params, options);
    },
  };
}

/** Storage that is looked up anew at each call. */
export function storageHandle(current: () => Storage): Storage {
  return {
    put: async (...given) => current().put(...given),
    get: async (...given) => current().get(...given),
    head: async (...given) => current().head(...given),
    delete: async (...given) => current().delete(...given),
    list: async (...given) => current().list(...given),
    usage: async () => current().usage(),
    signDownload: async (...given) => current().signDownload(...given),
    signUpload: async (...given) => current().signUpload(...given),
  };
}

/** A tenant's cache that is looked up anew at each call, and the way to the spaces that all tenants share. */
export function cacheHandle(current: () => Cache, globalSpace: (name: string) => Cache): TenantCache {
  return {
    ...freshCache(current),
    global(name) {
      checkGlobalName(name);
      return freshCache(() => globalSpace(name));
    },
  };
}

function freshCache(current: () => Cache): Cache {
  return {
    get: async <Value>(key: string) => current().get<Value>(key),
    set: async (...given) => current().set(...given),
    delete: async (...given) => current().delete(...given),
    has: async (...given) => current().has(...given),
    increment: async (...given) => current().increment(...given),
    flush: async () => current().flush(),
  };
}
