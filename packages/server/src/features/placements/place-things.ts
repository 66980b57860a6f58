import type { Tx } from "../../infra/db/index.ts";
import type { StepContext } from "../../infra/workflow/index.ts";
import { newId } from "../../kernel/index.ts";
import { type PlacementParts, placesFor } from "./parts.ts";
import { type PlaceKind, type PlaceWanted, placeOf } from "./place-driver.ts";
import {
  insertPlacement,
  knownPlacement,
  type PlacementRow,
  selectPlacements,
  updatePlacementCurrent,
} from "./placements.sql.ts";

/** With `next`: beside the place that the environment has, and of no effect until it is sent there. */
export type ThingWanted = PlaceWanted & { next?: boolean };

export type PlacedThing = {
  placementId: string;
  physicalName: string;
  /** The place that it has already, which only is to be called this from now on: nothing was made. */
  renamed?: Record<string, unknown>;
};

/** Gives an environment its files or its cache. Repeatable: what stands is kept. */
export async function placeThing(
  parts: PlacementParts,
  context: StepContext,
  kind: PlaceKind,
  wanted: ThingWanted,
): Promise<PlacedThing> {
  const { environmentId, next = false } = wanted;
  // Of no consequence until the driver declares what it makes, or the step is done.
  const begun = await context.transaction((tx) => begin(tx, parts, kind, wanted), { lazy: true });
  if ("renamed" in begun) return begun;
  const physicalName = begun.physicalName!;
  if (begun.state === "building") {
    const driver = await placeOf(placesFor(parts, kind), context.db, begun);
    await driver.provision(context, physicalName, environmentId);
    if (!next) await context.transaction((tx) => updatePlacementCurrent(tx, begun.id), { lazy: true });
  }
  return { placementId: begun.id, physicalName };
}

type Begun = Pick<PlacementRow, "id" | "state" | "driver" | "serverId" | "physicalName">;

async function begin(
  tx: Tx,
  parts: PlacementParts,
  kind: PlaceKind,
  wanted: ThingWanted,
): Promise<Begun | Required<PlacedThing>> {
  const { environmentId, level, next = false } = wanted;
  const known = await knownPlacement(tx, kind, wanted);
  if (known) return known;
  const { driver, serverId, detail } = await placesFor(parts, kind).choose(tx, wanted);
  const physicalName = driver.nameFor(environmentId, level);
  const has = (await selectPlacements(tx, environmentId, kind)).find(({ state }) => state === "current");
  if (has?.driver === driver.driver && has.serverId === serverId && has.physicalName === physicalName)
    return { placementId: has.id, physicalName, renamed: detail };
  const made = {
    ...{ id: newId(), environmentId, kind, serverId, detail, physicalName },
    driver: driver.driver,
    state: driver.makesNothing && !next ? ("current" as const) : ("building" as const),
    databaseId: null,
    schemaVersion: null,
  };
  await insertPlacement(tx, made);
  return made;
}

/** Where an environment has its files or its cache, and where it is to have them; undefined where there is no such place. */
export async function thingsOf({ db }: Pick<StepContext, "db">, environmentId: string, kind: PlaceKind) {
  const all = await selectPlacements(db, environmentId, kind);
  const at = (wanted: PlacementRow["state"]) => {
    const row = all.find(({ state }) => state === wanted);
    return row && { ...row, physicalName: row.physicalName! };
  };
  return { current: at("current"), next: at("building"), last: at("retired") };
}
