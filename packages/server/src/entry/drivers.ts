import path from "node:path";
import { createMemoryCacheDriver, createRedisLink } from "../drivers/cache/index.ts";
import {
  createDatabaseDrivers,
  createEmbeddedServers,
  createWarmConnections,
  openSqliteDirectory,
} from "../drivers/database/index.ts";
import { createFsStorageDriver } from "../drivers/storage/index.ts";
import { createCachePlaces } from "../features/caches/index.ts";
import { createStoragePlaces } from "../features/storages/index.ts";
import type { Db } from "../infra/db/index.ts";
import type { PostgresFleet } from "../infra/postgres-process/index.ts";
import type { Secrets } from "../infra/secrets/index.ts";
import { selectAppUid, selectUidOfApp } from "./installation.sql.ts";

/** How long a connection waits for the next piece of work on its database. */
const keptIdleMs = 10_000;

/** The drivers of an installation, for every kind of place. */
export function createDrivers(input: {
  db: Db;
  dataDir: string;
  installationId: string;
  secrets: Secrets;
  fleet: PostgresFleet | undefined;
}) {
  const { db, dataDir, installationId, secrets } = input;
  const link = createRedisLink();
  const warm = createWarmConnections({ idleMs: keptIdleMs });
  // As root, apps run as users of their own; otherwise as the same user as we.
  const asOthers = process.getuid?.() === 0;
  const storageRoot = path.join(dataDir, "storage");
  const files = createFsStorageDriver({
    root: storageRoot,
    signingKeyOf: (name) => secrets.fingerprint(`fs_storage:${name}`).toString("base64url"),
    ownerOf: asOthers ? (environmentId) => selectAppUid(db, environmentId) : undefined,
  });
  const memory = createMemoryCacheDriver();
  return {
    storageRoot,
    drivers: createDatabaseDrivers({
      installationId,
      connect: warm.connect,
      ownerOf: asOthers ? (appId) => selectUidOfApp(db, appId) : undefined,
    }),
    directory: openSqliteDirectory(path.join(dataDir, "sqlite")),
    storage: createStoragePlaces({ secrets, disk: files }),
    cache: createCachePlaces({ installationId, secrets, link, memory }),
    /** Lets go of connections that drivers hold. */
    async closeDrivers() {
      link.close();
      await warm.close();
    },
    servers: input.fleet && createEmbeddedServers(input.fleet),
  };
}
