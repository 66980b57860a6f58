import type { StepContext } from "../../../infra/workflow/index.ts";
import { type PlacementParts, requireDriver } from "../parts.ts";
import { requireServer } from "../servers/servers.ts";
import type { DatabaseRow } from "./databases.sql.ts";

/** Removes a database, with its role, from where it stands. Repeatable. */
export async function removeFromServer(
  parts: PlacementParts,
  context: StepContext,
  database: DatabaseRow,
): Promise<void> {
  const server = await requireServer(context.db, parts.secrets, database.serverId);
  const thing = { kind: "database" as const, name: database.name };
  await requireDriver(parts.drivers, database.level).remove(context, { server, thing });
}
