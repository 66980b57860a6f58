import type { DatabaseDriver, DatabaseDrivers, ServerDriver } from "../../drivers/database/index.ts";
import type { Secrets } from "../../infra/secrets/index.ts";
import { failure } from "../../kernel/index.ts";
import type { PlaceKind, Places } from "./place-driver.ts";
import type { CachePlace, StoragePlace } from "./place-kinds.ts";

/** What placing works with. */
export type PlacementParts = {
  drivers: DatabaseDrivers;
  storage: Places<StoragePlace>;
  cache: Places<CachePlace>;
  /** Starts servers for the level `dedicated`; none where the operator gives the servers. */
  servers?: ServerDriver | undefined;
  secrets: Secrets;
  /** Told of each database that was taken, so that the shelf is filled up again. */
  onTaken: (appId: string, level: string) => void;
  /** Told how each building of a spare ended. */
  onSpareEnded?: (spare: { shelf: string; succeeded: boolean }) => void;
};

/** For those to whom it is the same where files and where caches are. */
export const placesFor = (parts: PlacementParts, kind: PlaceKind): Places => parts[kind];

/** The driver of a level; `isolation_unavailable` when there is none here. */
export function requireDriver(drivers: DatabaseDrivers, level: string): DatabaseDriver {
  const driver = drivers[level as keyof DatabaseDrivers];
  if (driver) return driver;
  throw failure("isolation_unavailable", { detail: `The database level "${level}" isn't available here.` });
}

/** What is kept of a database's role, as ciphertext: its password, and the seal's key where environments share. */
export type RoleSecret = { password: string; sealKey?: string };

export function sealRoleSecret(secrets: Secrets, databaseId: string, secret: RoleSecret): Buffer {
  const text = secret.sealKey ? JSON.stringify(secret) : secret.password;
  return secrets.seal(text, roleSecretContext(databaseId));
}

export function openRoleSecret(
  secrets: Secrets,
  database: { id: string; level: string; roleSecret: Buffer },
): RoleSecret {
  const text = secrets.open(database.roleSecret, roleSecretContext(database.id)).toString("utf8");
  return database.level === "shared" ? (JSON.parse(text) as RoleSecret) : { password: text };
}

/** Under which context a database role's password is sealed. */
const roleSecretContext = (databaseId: string): string => `database_role:${databaseId}`;
