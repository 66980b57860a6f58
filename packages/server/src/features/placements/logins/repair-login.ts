import { type BuiltDatabase, isPostgres } from "../../../drivers/database/index.ts";
import type { Db } from "../../../infra/db/index.ts";
import { failure } from "../../../kernel/index.ts";
import { selectDatabase } from "../databases/databases.sql.ts";
import { mendingContext } from "../mending-context.ts";
import { openDatabaseSecret, type PlacementParts, requireDriver } from "../parts.ts";
import { selectCurrentPlacements } from "../placements.sql.ts";
import { openServer } from "../servers/servers.ts";

/**
 * Lets the role of an environment's database log in again with the password that we know, should it have given itself
 * another one. Answers whether it had. Any number may ask at once.
 */
export async function repairLogin(db: Db, parts: PlacementParts, environmentId: string): Promise<boolean> {
  const rows = await selectCurrentPlacements(db, [environmentId]);
  const row = rows.find(({ kind }) => kind === "database");
  if (!row) throw failure("environment_unavailable", { detail: "It has no database now." });
  const driver = requireDriver(parts.drivers, row.level!);
  // Nobody is to get in where it moves from.
  if (row.moving || !isPostgres(driver) || !row.roleSecret) return false;
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
  const { roleSecret, databaseId } = row;
  const context = mendingContext(async () => {
    const standing = await selectDatabase(db, databaseId!);
    const now = (await selectCurrentPlacements(db, [environmentId])).find(({ kind }) => kind === "database");
    const isOpen = now?.databaseId === databaseId && !now.moving;
    return isOpen && standing?.state === "in_use" && standing.roleSecret?.equals(roleSecret) === true;
  });
  return driver.repairLogin(context, { server, database });
}
