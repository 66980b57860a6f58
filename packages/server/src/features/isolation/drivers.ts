import type { CacheDriver } from "../../drivers/cache/index.ts";
import type { StorageDriver } from "../../drivers/storage/index.ts";
import type { Db } from "../../infra/db/index.ts";

/** A driver at work on one server, or on none. */
export type On<Driver> = { driver: Driver; serverId: string | null };

/** Every driver that files and caches stand with at this moment. */
export type Drivers = { storage: readonly On<StorageDriver>[]; cache: readonly On<CacheDriver>[] };

export type DriverSources = {
  storage: { all(db: Db): Promise<readonly On<StorageDriver>[]> };
  cache: { all(db: Db): Promise<readonly On<CacheDriver>[]> };
};

export async function driversNow(sources: DriverSources, db: Db): Promise<Drivers> {
  return { storage: await sources.storage.all(db), cache: await sources.cache.all(db) };
}

/** The driver that a place stands with; undefined when its server isn't registered any more. */
export function driverOf<Driver extends { driver: string }>(
  all: readonly On<Driver>[],
  place: { driver: string; serverId: string | null } | undefined,
): Driver | undefined {
  if (!place) return undefined;
  return all.find(({ driver, serverId }) => driver.driver === place.driver && serverId === place.serverId)
    ?.driver;
}
