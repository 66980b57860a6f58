import type { FileScript, FileScripts } from "../../../drivers/database/index.ts";
import type { Db } from "../../../infra/db/index.ts";
import { type PlacementParts, requireDriver } from "../parts.ts";
import { requireServer } from "../servers/servers.ts";
import { selectDatabaseOf } from "./databases.sql.ts";
import { describeDatabase } from "./migrate-database.ts";

/** Where an environment's database is a file: how to run statements on it. Undefined where it isn't, or isn't there. */
export async function environmentFile(
  db: Db,
  parts: Pick<PlacementParts, "drivers" | "secrets">,
  environmentId: string,
): Promise<{ scripts: FileScripts; place: Pick<FileScript, "server" | "database"> } | undefined> {
  const database = await selectDatabaseOf(db, environmentId);
  if (!database) return undefined;
  const { fileScripts: scripts } = requireDriver(parts.drivers, database.level);
  if (!scripts) return undefined;
  const server = await requireServer(db, parts.secrets, database.serverId);
  return { scripts, place: { server, database: describeDatabase(parts, database) } };
}
