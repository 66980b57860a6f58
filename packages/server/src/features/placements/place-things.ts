import type { Tx } from "../../infra/db/index.ts";
import type { StepContext } from "../../infra/workflow/index.ts";
import { newId } from "../../kernel/index.ts";
import { type PlacementParts, placesFor } from "./parts.ts";
import { type PlaceKind, type PlaceWanted, placeOf } from "./place-driver.ts";
import { insertPlacement, selectPlacements, updatePlacementCurrent } from "./placements.sql.ts";

/** Gives an environment its files or its cache. Repeatable: what stands is kept. */
export async function placeThing(
  parts: PlacementParts,
  context: StepContext,
  kind: PlaceKind,
  wanted: PlaceWanted,
): Promise<{ placementId: string; physicalName: string }> {
  const { environmentId, level } = wanted;
  const begin = async (tx: Tx) => {
    const [known] = await selectPlacements(tx, environmentId, kind);
    if (known && known.state !== "retired") return known;
    const { driver, serverId, detail } = await placesFor(parts, kind).choose(tx, wanted);
    const made = {
      ...{ id: newId(), environmentId, kind, serverId, detail },
      driver: driver.driver,
      state: driver.makesNothing ? ("current" as const) : ("building" as const),
      databaseId: null,
      physicalName: driver.nameFor(environmentId, level),
      schemaVersion: null,
    };
    await insertPlacement(tx, made);
    return made;
  };
  // Of no consequence until the driver declares what it makes, or the step is done.
  const placement = await context.transaction(begin, { lazy: true });
  const physicalName = placement.physicalName!;
  if (placement.state === "building") {
    const driver = await placeOf(placesFor(parts, kind), context.db, placement);
    await driver.provision(context, physicalName, environmentId);
    await context.transaction((tx) => updatePlacementCurrent(tx, placement.id), { lazy: true });
  }
  return { placementId: placement.id, physicalName };
}
