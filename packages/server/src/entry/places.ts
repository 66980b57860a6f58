import { chown, mkdir, readdir, rm } from "node:fs/promises";
import path from "node:path";
import type { PlaceDriver } from "../features/placements/index.ts";
import { encodeUuid } from "../kernel/index.ts";

/** Each environment's files in a directory below `root`, owned by its application's user. */
export function fsPlaces(root: string, ownerOf: (environmentId: string) => Promise<number>): PlaceDriver {
  return {
    driver: "fs",
    nameFor: encodeUuid,
    async provision(context, physicalName, environmentId) {
      const resource = { kind: "storage", driver: "fs", physicalName };
      await context.declareResource(resource);
      const directory = path.join(root, physicalName);
      await mkdir(directory, { recursive: true, mode: 0o700 });
      if (process.getuid?.() === 0) {
        const owner = await ownerOf(environmentId);
        await chown(directory, owner, owner);
      }
      await context.resourcePresent(resource);
    },
    async remove(context, physicalName) {
      await rm(path.join(root, physicalName), { recursive: true, force: true });
      await context.resourceRemoved({ kind: "storage", driver: "fs", physicalName });
    },
    list: () => readdir(root),
  };
}

/** The cache of one process: nothing is made, so nothing is left. */
export function memoryPlaces(): PlaceDriver {
  return {
    driver: "memory",
    nameFor: encodeUuid,
    provision: async () => undefined,
    remove: async () => undefined,
    list: async () => [],
  };
}
