import { findProgram, type ProgramName, programs } from "../../tools/prerequisites/programs.ts";

/**
 * The absolute path of a program that Debian brings. Throws when it is missing, so that a test which needs it
 * fails with the package's name: such a test never skips, or nobody would notice that it doesn't run.
 */
export function requireProgram(name: ProgramName, searchPath?: string): string {
  const path = findProgram(name, searchPath);
  if (path) return path;
  const packages = programs[name].packages.join(" ");
  throw new Error(
    `${name} is missing: run \`npm run prerequisites\` as root, or install Debian's ${packages}`,
  );
}
