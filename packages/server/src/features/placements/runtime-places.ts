import path from "node:path";
import type { RuntimeEnvironment, RuntimeSnapshot } from "@tenantry/contract";
import type { Db, Tx } from "../../infra/db/index.ts";
import { showId } from "../../kernel/index.ts";
import { runtimeDatabases } from "./current.ts";
import { leaseBackends } from "./leases.ts";
import type { PlacementParts } from "./parts.ts";
import { selectCurrentPlacements } from "./placements.sql.ts";
import { selectServers } from "./servers.sql.ts";

type Places = Pick<RuntimeEnvironment, "database" | "storage" | "cache">;

/** What one process of an application may hold of a server, if there is as much. */
const backendsWanted = 40;

/** Where environments' things are, as their application's processes reach them: with passwords. */
export async function runtimePlaces(
  db: Db | Tx,
  parts: Pick<PlacementParts, "drivers" | "secrets">,
  environmentIds: readonly string[],
  storageRoot: string,
): Promise<Map<string, Places>> {
  const databases = await runtimeDatabases(db, parts, environmentIds);
  const places = new Map<string, Places>();
  for (const id of environmentIds) places.set(id, { database: databases.get(id) });
  for (const { environmentId, kind, physicalName, generation } of await selectCurrentPlacements(
    db,
    environmentIds,
  )) {
    const own = places.get(environmentId)!;
    if (kind === "storage") {
      own.storage = { driver: "fs", directory: path.join(storageRoot, physicalName!), generation };
    }
    if (kind === "cache") own.cache = { driver: "memory", prefix: physicalName!, generation };
  }
  return places;
}

/** How many backends of each server a process may hold until it asks again. */
export async function runtimeBudgets(db: Db, holder: string): Promise<RuntimeSnapshot["budgets"]> {
  const servers = await selectServers(db, { limit: 1_000 });
  return Promise.all(
    servers.map(async ({ id }) => ({
      serverId: showId("srv", id),
      backends: await leaseBackends(db, holder, id, backendsWanted),
    })),
  );
}
