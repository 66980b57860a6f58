import { opendir, realpath } from "node:fs/promises";
import path from "node:path";
import { breach, type Probe, type ProbeAnswer, skipped, sound } from "../../probe.ts";
import type { StorageGround } from "../ground.ts";

/** A tree may be large: so many entries are looked at. */
const mostEntries = 20_000;

/** What stands on the disk, whoever made it. */
export const fsProbes: readonly Probe<StorageGround>[] = [
  {
    id: "storage.fs-links",
    path: "storage",
    title: "a symbolic link in the neighbour's directory that leads to yet another's",
    remedy: "Remove the link, and look who made it: no application's user can enter another's directory.",
    applies: ({ driver }) => driver.driver === "fs",
    async run({ driver, to, signal }) {
      const location = driver.location(to.physicalName);
      return location.driver === "fs" ? findLinks(location.directory, signal) : skipped("it is no directory");
    },
  },
];

async function findLinks(directory: string, signal: AbortSignal): Promise<ProbeAnswer> {
  const root = await realpath(path.dirname(directory));
  const own = path.join(root, path.basename(directory));
  let looked = 0;
  const open = [directory];
  for (let place = open.pop(); place !== undefined && looked < mostEntries; place = open.pop()) {
    for await (const entry of await opendir(place)) {
      signal.throwIfAborted();
      looked += 1;
      const name = path.join(place, entry.name);
      if (entry.isDirectory()) open.push(name);
      if (!entry.isSymbolicLink()) continue;
      const target = await realpath(name).catch(() => undefined);
      if (target?.startsWith(`${root}/`) && target !== own && !target.startsWith(`${own}/`)) {
        return breach(
          `${path.relative(directory, name)} leads to ${path.relative(root, target).split("/")[0]}.`,
        );
      }
    }
  }
  return sound(`${looked} files and directories looked at`);
}
