import { ownDatabase } from "../common/own-database.ts";
import { type DatabaseDriverOptions, driverParts } from "../common/parts.ts";
import type { DatabaseDriver } from "../driver.ts";

/** The level `database`: a database of its own for each environment, on a server that it shares with others. */
export function createDatabaseDriver(options: DatabaseDriverOptions): DatabaseDriver {
  return { ...ownDatabase(driverParts(options)), level: "database" };
}
