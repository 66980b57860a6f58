import { ownDatabase } from "../common/own-database.ts";
import { type DatabaseDriverOptions, driverParts } from "../common/parts.ts";
import type { PostgresDriver } from "../driver.ts";

/** The level `database`: a database of its own for each environment, on a server that it shares with others. */
export function createDatabaseDriver(options: DatabaseDriverOptions): PostgresDriver {
  return { ...ownDatabase(driverParts(options)), level: "database" };
}
