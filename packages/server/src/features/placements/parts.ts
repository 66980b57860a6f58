import type { DatabaseDriver, DatabaseDrivers } from "../../drivers/database/index.ts";
import type { Secrets } from "../../infra/secrets/index.ts";
import { failure } from "../../kernel/index.ts";
import type { PlaceDriver } from "./place-driver.ts";

/** What placing works with. */
export type PlacementParts = {
  drivers: DatabaseDrivers;
  storage: PlaceDriver;
  cache: PlaceDriver;
  secrets: Secrets;
  /** Told of each database that was taken, so that the shelf is filled up again. */
  onTaken: (appId: string) => void;
  /** Told how each building of a spare ended. */
  onSpareEnded?: (spare: { serverId: string; succeeded: boolean }) => void;
};

/** The driver of a level; `isolation_unavailable` when there is none here. */
export function requireDriver(drivers: DatabaseDrivers, level: string): DatabaseDriver {
  const driver = drivers[level as keyof DatabaseDrivers];
  if (driver) return driver;
  throw failure("isolation_unavailable", { detail: `The database level "${level}" isn't available here.` });
}

/** Under which context a database role's password is sealed. */
export const roleSecretContext = (databaseId: string): string => `database_role:${databaseId}`;
