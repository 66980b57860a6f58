import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

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

function isMapped(uid: number, uidMap: string): boolean {
  return uidMap
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .some(([inside = 0, , count = 0]) => uid >= inside && uid < inside + count);
}
