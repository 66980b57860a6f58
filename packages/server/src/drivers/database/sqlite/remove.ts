import path from "node:path";
import { removeFsStorage } from "@tenantry/data";
import { openDirectory, syncDirectory } from "../../directories.ts";
import type { DatabaseServer, DriverContext, PhysicalName } from "../driver.ts";
import { removeHalfMade } from "./build.ts";
import { requirePlaces } from "./directory.ts";
import { isBlueprint } from "./names.ts";
import { resourceOf } from "./parts.ts";
import { removeFiles } from "./system.ts";

/** Implements `DatabaseDriver.remove`: a file goes with all that lies beside it, whoever has it open. */
export async function remove(
  context: DriverContext,
  { server, thing }: { server: DatabaseServer; thing: PhysicalName },
): Promise<void> {
  const places = await requirePlaces(server);
  await context.assertLease();
  await removeHalfMade(places, thing.name);
  if (isBlueprint(thing.name)) await removeFiles(places.fileOf(thing.name));
  else {
    const directory = places.directoryOf(thing.name);
    if (await isThere(path.dirname(directory))) {
      await removeFsStorage(directory, { signal: context.signal });
      await syncDirectory(path.dirname(directory));
    }
  }
  await context.resourceRemoved(resourceOf(server, thing.name));
}

async function isThere(directory: string): Promise<boolean> {
  try {
    await (await openDirectory(directory)).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
