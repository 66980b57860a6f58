import type { DatabaseServer, PhysicalDatabase, PhysicalName } from "../driver.ts";
import { selectOurNames, selectProblems, selectSize } from "./inspect.sql.ts";
import type { DriverParts } from "./parts.ts";
import { reading } from "./reading.ts";

/** Implements `DatabaseDriver.measure`. */
export async function measure(
  parts: DriverParts,
  server: DatabaseServer,
  database: PhysicalDatabase,
): Promise<number> {
  return reading(parts.connect, server.url, (client) => selectSize(client, database.name));
}

/** Implements `DatabaseDriver.verify`. */
export async function verify(
  parts: DriverParts,
  server: DatabaseServer,
  database: PhysicalDatabase,
): Promise<string[]> {
  return reading(parts.connect, server.url, (client) => selectProblems(client, database, parts.roles));
}

/** Implements `DatabaseDriver.list`. */
export async function list(parts: DriverParts, server: DatabaseServer): Promise<PhysicalName[]> {
  return reading(parts.connect, server.url, (client) => selectOurNames(client, parts.roles));
}
