import { verify as verifyDatabase } from "../common/inspect.ts";
import type { DriverParts } from "../common/parts.ts";
import { reading } from "../common/reading.ts";
import { verifySeal } from "../common/seal/index.ts";
import { urlTo } from "../common/url.ts";
import type { DatabaseServer, PhysicalDatabase } from "../driver.ts";
import { ownFunctions } from "./own-functions.ts";

/** Implements `DatabaseDriver.verify`: the database on its server, and its seal from within. */
export async function verify(
  parts: DriverParts,
  server: DatabaseServer,
  database: PhysicalDatabase,
): Promise<string[]> {
  const problems = await verifyDatabase(parts, server, database);
  if (problems.includes(`The database ${database.name} isn't there.`)) return problems;
  const unsealed = await reading(parts.connect, urlTo(server.url, database.name), (client) =>
    verifySeal(client, { roles: parts.roles, name: database.name, ownFunctions }),
  );
  return [...problems, ...unsealed];
}
