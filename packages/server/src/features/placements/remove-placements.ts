import type { StepContext } from "../../infra/workflow/index.ts";
import { removeDatabase } from "./databases/build-database.ts";
import { leaveShared } from "./databases/place-shared.ts";
import { removeGivenLogins } from "./logins/remove-given-logins.ts";
import { type PlacementParts, placesFor } from "./parts.ts";
import { placeOf } from "./place-driver.ts";
import {
  deletePlacement,
  type PlacementKind,
  type PlacementRow,
  selectPlacements,
  updatePlacementRetired,
} from "./placements.sql.ts";

/**
 * Removes what an environment has of one kind, all generations, from where it stands and from the registry. Repeatable;
 * an environment without any is fine. It serves as the undo of placing, too. With `butCurrent` the
 * one in which it lives stays, and its logins.
 */
export async function removePlacements(
  parts: PlacementParts,
  context: StepContext,
  which: { environmentId: string; kind: PlacementKind; butCurrent?: { logins?: readonly string[] } },
): Promise<void> {
  for (const placement of await selectPlacements(context.db, which.environmentId, which.kind)) {
    if (which.butCurrent && placement.state === "current") continue;
    await removePlacement(parts, context, placement, which.butCurrent?.logins);
  }
}

async function removePlacement(
  parts: PlacementParts,
  context: StepContext,
  placement: PlacementRow,
  keptLogins: readonly string[] = [],
): Promise<void> {
  await context.transaction((tx) => updatePlacementRetired(tx, placement.id));
  if (placement.kind === "storage" || placement.kind === "cache") {
    const driver = await placeOf(placesFor(parts, placement.kind), context.db, placement);
    await driver.remove(context, placement.physicalName!);
  }
  if (placement.kind === "database")
    await removeGivenLogins(parts, context, placement.environmentId, keptLogins);
  if (await leaveShared(parts, context, placement)) return;
  if (placement.databaseId) {
    const from = ["creating", "in_use"] as const;
    await removeDatabase(parts, context, placement.databaseId, { from, placementId: placement.id });
  } else await context.transaction((tx) => deletePlacement(tx, placement.id));
}
