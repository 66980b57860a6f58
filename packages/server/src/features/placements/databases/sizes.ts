import type { Db } from "../../../infra/db/index.ts";
import { type PlacementParts, requireDriver } from "../parts.ts";
import { requireServer } from "../servers/servers.ts";
import { type DatabaseRow, selectDatabaseOf } from "./databases.sql.ts";

/**
 * How large what an environment has in its database is, in bytes: on disk where it has one to itself, and an estimate
 * where it shares one. Undefined where there is none, or where the server can't tell yet.
 */
export async function sizeOf(
  db: Db,
  parts: Pick<PlacementParts, "drivers" | "secrets">,
  environmentId: string,
): Promise<number | undefined> {
  const database = await selectDatabaseOf(db, environmentId);
  return database && (await sizesIn(db, parts, database)).of(environmentId);
}

/** The same for all environments of one database, which is asked once. Throws `server_unreachable`. */
export async function sizesIn(
  db: Db,
  parts: Pick<PlacementParts, "drivers" | "secrets">,
  database: Pick<DatabaseRow, "serverId" | "level" | "name" | "roleName">,
): Promise<{ of(environmentId: string): number | undefined }> {
  const { level, name, roleName } = database;
  const server = await requireServer(db, parts.secrets, database.serverId);
  const driver = requireDriver(parts.drivers, level);
  if (driver.sharing) {
    const sizes = await driver.sharing.sizes(server, { name, roleName });
    return { of: (environmentId) => sizes.get(environmentId) };
  }
  const bytes = await driver.measure(server, { name, roleName });
  return { of: () => bytes };
}
