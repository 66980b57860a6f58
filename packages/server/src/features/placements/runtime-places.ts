import type { RuntimeEnvironment, RuntimeSnapshot } from "@tenantry/contract";
import type { Db, Tx } from "../../infra/db/index.ts";
import { showId } from "../../kernel/index.ts";
import { runtimeDatabase } from "./current.ts";
import type { PlacementParts } from "./parts.ts";
import { findPlace } from "./place-driver.ts";
import { selectCurrentPlacements } from "./placements.sql.ts";
import { type Holder, selectShares } from "./servers/leases.sql.ts";
import { leaseOnMany } from "./servers/leases.ts";

type Places = Pick<RuntimeEnvironment, "database" | "storage" | "cache">;

/** Where environments' things are, as their application's processes reach them: with passwords. */
export async function runtimePlaces(
  db: Db | Tx,
  parts: Pick<PlacementParts, "drivers" | "secrets" | "storage" | "cache">,
  environmentIds: readonly string[],
): Promise<Map<string, Places>> {
  const places = new Map<string, Places>();
  for (const id of environmentIds) places.set(id, {});
  const [storages, caches] = [await parts.storage.all(db), await parts.cache.all(db)];
  for (const row of await selectCurrentPlacements(db, environmentIds)) {
    const { environmentId, kind, physicalName, generation } = row;
    const own = places.get(environmentId)!;
    // Without a place no application gets at it, and those that have it are told that it is gone.
    if (kind === "database" && !row.unsealed) own.database = runtimeDatabase(parts, row);
    if (kind === "storage") {
      const driver = findPlace(storages, row);
      if (driver) own.storage = { ...driver.location(physicalName!), generation };
    }
    if (kind === "cache") {
      const driver = findPlace(caches, row);
      if (driver) own.cache = { ...driver.location(physicalName!), generation };
    }
  }
  return places;
}

/**
 * How many backends of each server with databases of an application one of its processes may hold until it asks again,
 * within `backendLeaseMs`. Processes that come later find room: nobody gets more than a fair share.
 */
export async function runtimeBudgets(db: Db, holder: Holder): Promise<RuntimeSnapshot["budgets"]> {
  const shares = await selectShares(db, holder);
  const wanted = shares.map(({ serverId, share }) => ({ serverId, wanted: share }));
  const granted = await leaseOnMany(db, holder, wanted);
  return shares.map(({ serverId }, index) => ({
    serverId: showId("srv", serverId),
    backends: granted[index]!,
  }));
}
