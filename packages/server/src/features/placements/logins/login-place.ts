import type { DatabaseServer, DriverContext, LoginPlace, Logins } from "../../../drivers/database/index.ts";
import type { Db, Tx } from "../../../infra/db/index.ts";
import { failure } from "../../../kernel/index.ts";
import { selectDatabase } from "../databases/databases.sql.ts";
import { type PlacementParts, requirePostgres } from "../parts.ts";
import { type CurrentPlacementRow, selectCurrentPlacements } from "../placements.sql.ts";
import { openServer } from "../servers/servers.ts";

/** Where logins of an environment's database lead, and what makes them there. */
export type EnvironmentLogins = {
  placementId: string;
  level: string;
  place: LoginPlace;
  logins: Logins;
  /** Removes one of them. Repeatable. */
  remove(context: DriverContext, roleName: string): Promise<void>;
};

/**
 * Throws `environment_unavailable` when the environment has no database now, `isolation_unavailable` where its database
 * is a file, which nobody logs in to.
 */
export async function environmentLogins(
  db: Db | Tx,
  parts: Pick<PlacementParts, "drivers" | "secrets">,
  environmentId: string,
): Promise<EnvironmentLogins> {
  const rows = await selectCurrentPlacements(db, [environmentId]);
  const row = rows.find(({ kind }) => kind === "database");
  const database = row && (await selectDatabase(db, row.databaseId!));
  if (!row || database?.state !== "in_use")
    throw failure("environment_unavailable", { detail: "It has no database now." });
  const server = serverOf(parts, row);
  const driver = requirePostgres(parts.drivers, database.level, insteadOfLogins);
  const physical = { name: database.name, roleName: database.roleName };
  return {
    placementId: row.id,
    level: database.level,
    place: { server, database: physical, appId: database.appId, environmentId },
    logins: driver.logins,
    remove: (context, name) => driver.remove(context, { server, thing: { kind: "role", name } }),
  };
}

const insteadOfLogins =
  "Read and write its rows through the SDK or `tenantry script run`, or give the tenant a PostgreSQL level such as database.";

function serverOf(parts: Pick<PlacementParts, "secrets">, row: CurrentPlacementRow): DatabaseServer {
  return openServer(parts.secrets, { id: row.serverId!, urlSecret: row.serverUrlSecret! });
}
