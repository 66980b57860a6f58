import { createHash, randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { groupsOf, listProcesses } from "./processes.ts";

const uidsPerInstallation = 1_000;
const installations = 20_000;
const lowest = 100_000_000;
/** Where only some uids can be had (a container's user namespace): above accounts, below 65534 (nobody). */
const narrow = 64_200;

/**
 * The first uid that an installation hands to its applications' processes: far above accounts, and another one for each
 * installation, so that the applications of two on one machine can't reach each other's.
 */
export function firstAppUid(
  installationId: string,
  uidMap: string = readFileSync("/proc/self/uid_map", "utf8"),
): number {
  const number = createHash("sha256").update(installationId).digest().readUInt32BE(0) % installations;
  const first = lowest + number * uidsPerInstallation;
  return isMapped(first + uidsPerInstallation, uidMap) ? first : narrow;
}

const lowestGroup = 1_000_000_000;
const groups = 1_000_000_000;
/** In a container with few numbers: between the applications' and 65534 (nobody). */
const narrowGroup = narrow + uidsPerInstallation;
const narrowGroups = 65_534 - narrowGroup;

/** A group of the system that nobody is in: to be the mark of an application's processes. */
export async function unusedGroup(
  gidMap: string = readFileSync("/proc/self/gid_map", "utf8"),
  inUse: () => Promise<ReadonlySet<number>> = groupsInUse,
): Promise<number> {
  if (isMapped(lowestGroup + groups, gidMap)) return lowestGroup + randomInt(groups);
  const used = await inUse();
  const first = randomInt(narrowGroups);
  for (let step = 0; step < narrowGroups; step += 1) {
    const group = narrowGroup + ((first + step) % narrowGroups);
    if (!used.has(group)) return group;
  }
  throw new Error("Every group that could mark an application's processes is in use.");
}

async function groupsInUse(): Promise<ReadonlySet<number>> {
  return new Set((await Promise.all(listProcesses().map(({ pid }) => groupsOf(pid)))).flat());
}

function isMapped(uid: number, uidMap: string): boolean {
  return uidMap
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .some(([inside = 0, , count = 0]) => uid >= inside && uid < inside + count);
}
