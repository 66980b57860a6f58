import { dirname, resolve } from "node:path";
import { ancestors, firstClosed, isInside, mayPass } from "./cover.ts";
import type { Confinement, LaunchRequest } from "./launch-request.ts";

/** Why the application's user can't work where it should, in a sentence; undefined when it can. */
export async function refusalToEnter(
  { workingDirectory, uid, command }: LaunchRequest,
  { way }: Confinement,
): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const directory = resolve(workingDirectory);
  const who = `The application's user (uid ${uid})`;
  if (way === "marks") {
    // Without a mount namespace nothing can be put in the place of a closed directory.
    const own = (await mayPass(directory, uid)) ? undefined : directory;
    const closed = (await firstClosed(directory, uid)) ?? own;
    if (closed !== undefined)
      return `${who} may not enter ${closed}: chmod o+x it, or choose another directory.`;
  }
  if (!/^\s*node\s/.test(command) || (await mayRunNode(directory, uid, way))) return undefined;
  return `${who} may not run ${process.execPath}, or not read what lies there: chmod -R o+rX ${rootOf(directory)}.`;
}

const rootOf = (directory: string): string =>
  isInside(process.execPath, [directory]) ? directory : dirname(process.execPath);

/** A closed directory on the way is no hindrance where it is covered: then only what is put back as it was counts. */
async function mayRunNode(directory: string, uid: number, way: Confinement["way"]): Promise<boolean> {
  const program = process.execPath;
  const isPutBack = (await firstClosed(directory, uid)) !== undefined || !(await mayPass(directory, uid));
  const left = ancestors(program).filter(
    (path) => way === "marks" || path === dirname(program) || (isPutBack && isInside(path, [directory])),
  );
  const passable = await Promise.all([...left, program].map((path) => mayPass(path, uid)));
  return passable.every(Boolean);
}
