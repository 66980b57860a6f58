import type { Tx } from "../../infra/db/index.ts";
import type { StepContext } from "../../infra/workflow/index.ts";
import { newId } from "../../kernel/index.ts";
import type { PlacementParts } from "./parts.ts";
import { insertPlacement, selectPlacements, updatePlacementCurrent } from "./placements.sql.ts";

/** Gives an environment its files or its cache. Repeatable: what stands is kept. */
export async function placeThing(
  parts: PlacementParts,
  context: StepContext,
  wanted: { environmentId: string; kind: "storage" | "cache" },
): Promise<{ placementId: string; physicalName: string }> {
  const driver = parts[wanted.kind];
  const begin = async (tx: Tx) => {
    const [known] = await selectPlacements(tx, wanted.environmentId, wanted.kind);
    if (known && known.state !== "retired") return known;
    const made = {
      id: newId(),
      ...wanted,
      driver: driver.driver,
      state: driver.makesNothing ? ("current" as const) : ("building" as const),
      databaseId: null,
      physicalName: driver.nameFor(wanted.environmentId),
      schemaVersion: null,
    };
    await insertPlacement(tx, made);
    return made;
  };
  // Of no consequence until the driver declares what it makes, or the step is done.
  const placement = await context.transaction(begin, { lazy: true });
  const physicalName = placement.physicalName!;
  if (placement.state === "building") {
    await driver.provision(context, physicalName, wanted.environmentId);
    await context.transaction((tx) => updatePlacementCurrent(tx, placement.id), { lazy: true });
  }
  return { placementId: placement.id, physicalName };
}
