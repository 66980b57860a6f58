import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { LaunchRequest } from "./launch-request.ts";

/**
 * What an application must not see, or can't pass: each covered directory becomes an empty one, in which only what is
 * named under `inside` stands, and each covered file an empty one.
 */
export type Cover = { directories: string[]; inside: string[]; files: string[] };

/**
 * Started by root, its own user can't pass some directories (`/root`, say) on the way to what it needs: those are
 * covered, and its working directory too when that is closed itself, with all that is in it left in place.
 */
export async function coverForOtherUser({ workingDirectory, uid, reaches }: LaunchRequest): Promise<Cover> {
  const directory = resolve(workingDirectory);
  const isClosed = !(await mayPass(directory, uid));
  const own = isClosed ? (await readdir(directory)).map((name) => join(directory, name)) : [directory];
  const needed = [...own, dirname(process.execPath), ...reaches].map((path) => resolve(path));
  const closed = isClosed ? [directory] : [];
  for (const path of needed) {
    const first = await firstClosed(path, uid);
    if (first !== undefined) closed.push(first);
  }
  const directories = outermost(closed);
  // An open directory (`/`, say) may hold closed ones on the way to something else that is needed.
  return coverOf(directories, outermost(needed.filter((path) => isInside(path, directories))), []);
}

/** As our own user it could read our secrets: they are covered. */
export async function coverForOwnUser({ workingDirectory, reaches, hides }: LaunchRequest): Promise<Cover> {
  // By its socket there, whoever may use this user's service manager starts programs outside of all this.
  const hidden = [...hides, `/run/user/${process.getuid?.()}`]
    .map((path) => resolve(path))
    .filter(existsSync);
  const kinds = await Promise.all(
    hidden.map(async (path) => ({ path, isDirectory: (await stat(path)).isDirectory() })),
  );
  const directories = outermost(kinds.filter((one) => one.isDirectory).map(({ path }) => path));
  const needed = outermost([workingDirectory, dirname(process.execPath), ...reaches]);
  const files = kinds.filter((one) => !one.isDirectory).map(({ path }) => path);
  return coverOf(
    directories,
    // A working directory that holds what is hidden stays, but for that.
    needed.filter((path) => !directories.includes(path)),
    files.filter((path) => !isInside(path, directories)),
  );
}

function coverOf(directories: string[], needed: string[], files: string[]): Cover {
  return { directories, inside: needed.filter((path) => isInside(path, directories)), files };
}

const coverWords = ["sh", "-c", 'eval "$TENANTRY_COVER"', "cover"];

/**
 * The words that make the cover and then run what follows them; none when there is nothing to cover. Their environment
 * needs `coverScript` as TENANTRY_COVER: it would fill the screen of whoever lists processes.
 */
export function coverCommand({ directories, inside, files }: Cover, workingDirectory: string): string[] {
  if (directories.length + files.length === 0) return [];
  // A directory that exists everywhere and isn't in the way.
  const staging = ["/mnt", "/media", "/srv"].find(
    (path) => ![...directories, ...inside].some((other) => other === path || isInside(other, [path])),
  )!;
  const lists = [...directories, "--", ...inside, "--", ...files, "--"];
  return [...coverWords, staging, ...lists, workingDirectory];
}

/** Runs in a mount namespace of the process's own. What stays is put aside, and then back to where it was. */
export const coverScript = `
set -e
mask=$(umask); umask 022
staging="$1"; shift
mount -n -t tmpfs -o mode=755,size=1m tmpfs "$staging"
count=0
while [ "$1" != -- ]; do count=$((count + 1)); eval "covered$count=\\$1"; shift; done; shift
number=0
for path; do
  [ "$path" = -- ] && break
  number=$((number + 1)); aside="$staging/$number"
  if [ -L "$path" ]; then cp -P "$path" "$aside"
  elif [ -d "$path" ]; then mkdir "$aside"; mount -n --rbind "$path" "$aside"
  else : > "$aside"; mount -n --bind "$path" "$aside"; fi
done
index=1
while [ $index -le $count ]; do
  eval "target=\\$covered$index"; index=$((index + 1))
  mount -n -t tmpfs -o mode=755,size=1m tmpfs "$target"
done
number=0
while [ "$1" != -- ]; do
  number=$((number + 1)); aside="$staging/$number"
  mkdir -p "\${1%/*}"
  if [ -L "$aside" ]; then mv "$aside" "$1"
  elif [ -d "$aside" ]; then mkdir -p "$1"; mount -n --move "$aside" "$1"
  else : > "$1"; mount -n --move "$aside" "$1"; fi
  shift
done; shift
while [ "$1" != -- ]; do mount -n --bind /dev/null "$1"; shift; done; shift
umount -n "$staging"
umask "$mask"
cd "$1"; shift
exec "$@"
`;

/** Whether a user may pass this directory, by its mode alone. */
export async function mayPass(directory: string, uid: number): Promise<boolean> {
  const { mode, uid: owner, gid } = await stat(directory);
  const bit = owner === uid ? 0o100 : gid === uid ? 0o010 : 0o001;
  return (mode & bit) !== 0;
}

/** The outermost directory above a path that the user may not pass. */
export async function firstClosed(path: string, uid: number): Promise<string | undefined> {
  for (const ancestor of ancestors(path)) if (!(await mayPass(ancestor, uid))) return ancestor;
  return undefined;
}

/** `/a/b/c` → `/a`, `/a/b`: from the outermost. */
export function ancestors(path: string): string[] {
  const parts = path.split("/").slice(1, -1);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join("/")}`);
}

/** The outermost of some paths: those that no other one contains. */
function outermost(paths: readonly string[]): string[] {
  const all = [...new Set(paths.map((path) => resolve(path)))];
  return all.filter((path) => !isInside(path, all));
}

/** Whether one of these directories contains the path. */
export function isInside(path: string, directories: readonly string[]): boolean {
  return directories.some(
    (directory) => directory !== path && path.startsWith(directory === "/" ? "/" : `${directory}/`),
  );
}
