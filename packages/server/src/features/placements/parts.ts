import type { CacheLocation } from "../../drivers/cache/index.ts";
import {
  type DatabaseDriver,
  type DatabaseDrivers,
  isPostgres,
  type PostgresDriver,
  type ServerDriver,
  type SqliteDirectory,
} from "../../drivers/database/index.ts";
import type { StorageLocation } from "../../drivers/storage/index.ts";
import type { Tx } from "../../infra/db/index.ts";
import type { Secrets } from "../../infra/secrets/index.ts";
import { failure } from "../../kernel/index.ts";
import type { PlaceKind, Places } from "./place-driver.ts";

/** What placing works with. */
export type PlacementParts = {
  drivers: DatabaseDrivers;
  storage: Places<StorageLocation>;
  cache: Places<CacheLocation>;
  /** Starts servers for the level `dedicated`; none where the operator gives the servers. */
  servers?: ServerDriver | undefined;
  /** Where this machine keeps SQLite files; none where no work is done. */
  directory?: SqliteDirectory | undefined;
  /** Whether the file of a new environment is encrypted. */
  encryptsFiles?: ((tx: Tx) => Promise<boolean>) | undefined;
  secrets: Secrets;
  /** Told of each database that was taken, so that the shelf is filled up again. */
  onTaken: () => void;
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

/** The driver of a level on a PostgreSQL. `remedy` says what to do instead at the one that is none. */
export function requirePostgres(drivers: DatabaseDrivers, level: string, remedy?: string): PostgresDriver {
  const driver = requireDriver(drivers, level);
  if (isPostgres(driver)) return driver;
  throw failure("isolation_unavailable", {
    detail: "At the level sqlite the database is a file: no program logs in to it.",
    remedy,
  });
}

/**
 * What is kept of a database as ciphertext: its role's password, the seal's key where environments share it, the key
 * that a file is encrypted with.
 */
export type DatabaseSecret = {
  password: string | null;
  sealKey?: string;
  /** The one that takes its place: on its way into the database. */
  nextSealKey?: string | undefined;
  encryptionKey?: string;
};

export function sealDatabaseSecret(secrets: Secrets, databaseId: string, secret: DatabaseSecret): Buffer {
  const { password, sealKey, nextSealKey, encryptionKey } = secret;
  const text = sealKey ? JSON.stringify({ password, sealKey, nextSealKey }) : (encryptionKey ?? password);
  return secrets.seal(text!, secretContext(databaseId));
}

/** A file that isn't encrypted has none. */
export function openDatabaseSecret(
  secrets: Secrets,
  database: { id: string; level: string; roleSecret: Buffer | null },
): DatabaseSecret {
  if (database.roleSecret === null) return { password: null };
  const text = secrets.open(database.roleSecret, secretContext(database.id)).toString("utf8");
  if (database.level === "sqlite") return { password: null, encryptionKey: text };
  return database.level === "shared" ? (JSON.parse(text) as DatabaseSecret) : { password: text };
}

/** Under which context a database's secret is sealed. */
const secretContext = (databaseId: string): string => `database_role:${databaseId}`;
