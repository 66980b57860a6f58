import { type BuiltDatabase, type DriverContext, isPostgres } from "../../drivers/database/index.ts";
import type { Db } from "../../infra/db/index.ts";
import { failure, newId } from "../../kernel/index.ts";
import { selectDatabase } from "./databases.sql.ts";
import { openDatabaseSecret, type PlacementParts, requireDriver } from "./parts.ts";
import { selectCurrentPlacements } from "./placements.sql.ts";
import { openServer } from "./servers.ts";

const deadlineMs = 20_000;

/**
 * Lets the role of an environment's database log in again with the password that we know, should it have given itself
 * another one. Answers whether it had. Any number may ask at once.
 */
export async function repairLogin(db: Db, parts: PlacementParts, environmentId: string): Promise<boolean> {
  const rows = await selectCurrentPlacements(db, [environmentId]);
  const row = rows.find(({ kind }) => kind === "database");
  if (!row) throw failure("environment_unavailable", { detail: "It has no database now." });
  const driver = requireDriver(parts.drivers, row.level!);
  if (!isPostgres(driver) || !row.roleSecret) return false;
  const database: BuiltDatabase = {
    name: row.databaseName!,
    roleName: row.roleName!,
    ...openDatabaseSecret(parts.secrets, {
      id: row.databaseId!,
      level: row.level!,
      roleSecret: row.roleSecret,
    }),
  };
  const server = openServer(parts.secrets, { id: row.serverId!, urlSecret: row.serverUrlSecret! });
  const context = repairingContext(db, row.databaseId!, row.roleSecret);
  return driver.repairLogin(context, { server, database });
}

/** No operation stands behind it: what gives the right to change the role is that the password still is its own. */
function repairingContext(db: Db, databaseId: string, roleSecret: Buffer): DriverContext {
  const refuse = () => Promise.reject(new Error("A repair makes nothing."));
  return {
    operationId: newId(),
    fence: 0,
    signal: AbortSignal.timeout(deadlineMs),
    async assertLease() {
      const database = await selectDatabase(db, databaseId);
      if (database?.state === "in_use" && database.roleSecret?.equals(roleSecret)) return;
      throw failure("environment_unavailable", { detail: "Its database has changed meanwhile." });
    },
    declareResource: refuse,
    resourcePresent: refuse,
    resourceRemoved: refuse,
  };
}
