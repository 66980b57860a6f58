import type { RuntimeStorageKeys } from "@tenantry/contract";
import type { Storage } from "@tenantry/data";
import type { Db } from "../../infra/db/index.ts";
import { failure } from "../../kernel/index.ts";
import type { StoragePlaces } from "./places.ts";

/** An environment's files, from this process; throws `environment_unavailable` when it has no place for them now. */
export async function openStorage(
  places: StoragePlaces,
  db: Db,
  place: StandingPlace | undefined,
): Promise<Storage> {
  const { driver, physicalName } = await requirePlace(places, db, place);
  return driver.handle(physicalName);
}

type StandingPlace = { driver: string; serverId: string | null; physicalName: string };

async function requirePlace(places: StoragePlaces, db: Db, place: StandingPlace | undefined) {
  const found = (await places.all(db)).find(
    ({ driver, serverId }) => driver.driver === place?.driver && serverId === place.serverId,
  );
  if (!place || !found)
    throw failure("environment_unavailable", { detail: "It has no place for files now." });
  return { driver: found.driver, physicalName: place.physicalName };
}

const deadlineMs = 20_000;

/** Keys for a time, which reach an environment's files alone; throws `environment_unavailable` when it needs none. */
export async function giveStorageKeys(
  places: StoragePlaces,
  db: Db,
  place: StandingPlace | undefined,
  { lastsSeconds }: { lastsSeconds: number },
): Promise<RuntimeStorageKeys> {
  const { driver, physicalName } = await requirePlace(places, db, place);
  const location = driver.location(physicalName);
  if (!driver.temporaryKeys || !("temporary" in location)) {
    throw failure("environment_unavailable", { detail: "Its files are reached without keys for a time." });
  }
  return driver.temporaryKeys(physicalName, { lastsSeconds, signal: AbortSignal.timeout(deadlineMs) });
}
