import path from "node:path";
import type { RuntimeEnvironment, RuntimeSnapshot } from "@tenantry/contract";
import type { Db, Tx } from "../../infra/db/index.ts";
import { showId } from "../../kernel/index.ts";
import { runtimeDatabase } from "./current.ts";
import { type Holder, selectShares } from "./leases.sql.ts";
import { leaseBackends } from "./leases.ts";
import type { PlacementParts } from "./parts.ts";
import { selectCurrentPlacements } from "./placements.sql.ts";

type Places = Pick<RuntimeEnvironment, "database" | "storage" | "cache">;

/** Where environments' things are, as their application's processes reach them: with passwords. */
export async function runtimePlaces(
  db: Db | Tx,
  parts: Pick<PlacementParts, "drivers" | "secrets">,
  environmentIds: readonly string[],
  storageRoot: string,
): Promise<Map<string, Places>> {
  const places = new Map<string, Places>();
  for (const id of environmentIds) places.set(id, {});
  for (const row of await selectCurrentPlacements(db, environmentIds)) {
    const { environmentId, kind, physicalName, generation } = row;
    const own = places.get(environmentId)!;
    if (kind === "database") own.database = runtimeDatabase(parts, row);
    if (kind === "storage") {
      own.storage = { driver: "fs", directory: path.join(storageRoot, physicalName!), generation };
    }
    if (kind === "cache") own.cache = { driver: "memory", prefix: physicalName!, generation };
  }
  return places;
}

/**
 * How many backends of each server with databases of an application one of its processes may hold until it asks again,
 * within `backendLeaseMs`. Processes that come later find room: nobody gets more than a fair share.
 */
export async function runtimeBudgets(db: Db, holder: Holder): Promise<RuntimeSnapshot["budgets"]> {
  const budgets: RuntimeSnapshot["budgets"] = [];
  for (const { serverId, share } of await selectShares(db, holder)) {
    const backends = await leaseBackends(db, holder, serverId, share);
    budgets.push({ serverId: showId("srv", serverId), backends });
  }
  return budgets;
}
