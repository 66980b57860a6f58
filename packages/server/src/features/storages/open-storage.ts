import type { Storage } from "@tenantry/data";
import type { Db } from "../../infra/db/index.ts";
import { failure } from "../../kernel/index.ts";
import type { StoragePlaces } from "./places.ts";

/** An environment's files, from this process; throws `environment_unavailable` when it has no place for them now. */
export async function openStorage(
  places: StoragePlaces,
  db: Db,
  place: { driver: string; serverId: string | null; physicalName: string } | undefined,
): Promise<Storage> {
  const found = (await places.all(db)).find(
    ({ driver, serverId }) => driver.driver === place?.driver && serverId === place.serverId,
  );
  if (!place || !found)
    throw failure("environment_unavailable", { detail: "It has no place for files now." });
  return found.driver.handle(place.physicalName);
}
