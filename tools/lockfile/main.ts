import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fixedHosts, type Lockfile, mend, missingBinaries } from "./lockfile.ts";

// Checks that package-lock.json installs on every platform and from every registry; --write mends it.
const path = join(import.meta.dirname, "../../package-lock.json");
const lockfile: Lockfile = JSON.parse(readFileSync(path, "utf8"));
const complaints = [
  ...missingBinaries(lockfile).map(({ owner, name }) => `${owner} names ${name}, which is not locked`),
  ...fixedHosts(lockfile).map((entry) => `${entry} is bound to one registry's host`),
];

if (process.argv.includes("--write") && complaints.length > 0) {
  writeFileSync(path, `${JSON.stringify(mend(lockfile), null, 2)}\n`);
  process.stdout.write(`lockfile: mended ${complaints.length} entries\n`);
} else {
  for (const complaint of complaints) process.stdout.write(`package-lock.json: ${complaint}\n`);
  if (complaints.length > 0) process.stdout.write("    Remedy: npm run fix:lockfile\n");
  process.exitCode = complaints.length > 0 ? 1 : 0;
}
