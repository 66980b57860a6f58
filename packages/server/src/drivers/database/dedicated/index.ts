import { ownDatabase } from "../common/own-database.ts";
import { type DatabaseDriverOptions, driverParts } from "../common/parts.ts";
import type { PostgresDriver } from "../driver.ts";

/** There is nobody on the server to be protected from one environment: what it holds, the leased budget bounds. */
const connectionLimit = 1_000;

/**
 * The level `dedicated`: a database of its own on a server of its own. What stands on the server is as at the level
 * `database`; that nobody else does is for whoever chooses the server, or has `createEmbeddedServers` start one.
 */
export function createDedicatedDriver(options: DatabaseDriverOptions): PostgresDriver {
  return { ...ownDatabase(driverParts({ connectionLimit, ...options })), level: "dedicated" };
}
