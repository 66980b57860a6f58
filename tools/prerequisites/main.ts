import { installPackages } from "./install.ts";
import { findProgram, missingPrograms, type ProgramName, packagesOf } from "./programs.ts";
import { undoKilledRun } from "./quiet-install.ts";
import { readSystem, whyNotInstallable } from "./system.ts";

// Installs what tests and benches need from Debian and says what it did. Exit 1 when something stays missing,
// unless --keep-going is given: then the tests that need it are the ones to fail, each with the package's name.
const keepGoing = process.argv.includes("--keep-going");

function say(text: string): void {
  process.stdout.write(`prerequisites: ${text}\n`);
}

function giveUp(why: string): void {
  const packages = packagesOf(missingPrograms());
  say(`${why}. Missing are ${missingPrograms().join(", ")}; on Debian 12, as root:`);
  say(`  apt-get update && apt-get install --no-install-recommends ${packages.join(" ")}`);
  process.exitCode = keepGoing ? 0 : 1;
}

function installMissing(missing: ProgramName[]): void {
  say(`${missing.join(", ")} missing; installing ${packagesOf(missing).join(", ")} by apt-get`);
  try {
    installPackages(packagesOf(missing));
  } catch (error) {
    giveUp(`installing failed: ${(error as Error).message}`);
    return;
  }
  for (const name of missing) {
    const path = findProgram(name);
    if (path) say(`${name} is now ${path}`);
  }
  if (missingPrograms().length > 0) giveUp("apt-get succeeded, yet not everything is there");
}

const missing = missingPrograms();
const reason = whyNotInstallable(readSystem());
if (!reason) undoKilledRun();
if (missing.length === 0) say("nothing is missing");
else if (reason) giveUp(`nothing installed, since ${reason}`);
else installMissing(missing);
