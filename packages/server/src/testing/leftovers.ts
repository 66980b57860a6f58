import path from "node:path";
import { createMemoryCacheDriver, createRedisLink } from "../drivers/cache/index.ts";
import { createDatabaseDrivers, createEmbeddedServers } from "../drivers/database/index.ts";
import { createFsStorageDriver } from "../drivers/storage/index.ts";
import { createCachePlaces } from "../features/caches/index.ts";
import { createPlacements, type Leftover } from "../features/placements/index.ts";
import { createStoragePlaces } from "../features/storages/index.ts";
import { createDb, sql } from "../infra/db/index.ts";
import { silentLog } from "../infra/log/index.ts";
import { createPostgresFleet } from "../infra/postgres-process/index.ts";
import { createSecrets, loadMasterKey } from "../infra/secrets/index.ts";

/** What stands without a reason, and what should stand and doesn't, in the installation that keeps its files there. */
export async function scanInstallation(dataDir: string, registryUrl: string): Promise<Leftover[]> {
  const db = createDb({ url: registryUrl, applicationName: "tenantry scan", maxConnections: 2 });
  const link = createRedisLink();
  try {
    const { rows } = await sql<{ id: string }>`select id from installation`.execute(db);
    const key = await loadMasterKey({ dataDir, masterKeyFile: undefined, create: false });
    const secrets = createSecrets(key);
    const installationId = rows[0]!.id;
    const placements = createPlacements({
      drivers: createDatabaseDrivers({ installationId }),
      storage: createStoragePlaces({
        secrets,
        disk: createFsStorageDriver({ root: path.join(dataDir, "storage") }),
      }),
      cache: createCachePlaces({ installationId, secrets, link, memory: createMemoryCacheDriver() }),
      servers: createEmbeddedServers(
        createPostgresFleet({ directory: path.join(dataDir, "servers"), log: silentLog }),
      ),
      secrets,
      onTaken: () => undefined,
    });
    return await placements.scanForLeftovers(db);
  } finally {
    link.close();
    await db.destroy();
  }
}
