import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { lifeOf } from "../process-life/index.ts";

export type Exit = { code: number | null; signal: NodeJS.Signals | null };

/** A running server, whether this process started it or found it. */
export type Postmaster = { pid: number; exited: Promise<Exit>; isGone(): boolean };

/** The arguments that `pid` was started with, the program's name first; empty when they can't be read. */
export function commandLineOf(pid: number): string[] {
  return readProc(`/proc/${pid}/cmdline`).split("\0").slice(0, -1);
}

/** The file that `pid` runs; marked "(deleted)" by the kernel when it was replaced since; undefined when hidden from us. */
export function programOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return undefined;
  }
}

/**
 * Whether `pid` is the postmaster of this cluster, and not a stranger who was given its number since. A postmaster works
 * in its data directory, which the kernel knows even after a rename; where that is hidden, its arguments decide.
 */
export function isPostmasterOf(pid: number, cluster: string): boolean {
  const [program = "", ...args] = commandLineOf(pid);
  return path.basename(program) === "postgres" && (worksIn(pid, cluster) ?? args.includes(cluster));
}

/** Whether this is the directory that `pid` works in; undefined when that is hidden from us. */
function worksIn(pid: number | string, directory: string): boolean | undefined {
  try {
    const works = statSync(`/proc/${pid}/cwd`);
    const wanted = statSync(directory);
    return works.ino === wanted.ino && works.dev === wanted.dev;
  } catch {
    return undefined;
  }
}

/**
 * Ends the children of a postmaster that was killed. Idle ones end by themselves; one in the middle of a query doesn't
 * look up until it is done, and until then holds the memory that keeps a new server from starting.
 */
export async function endOrphans(cluster: string): Promise<void> {
  const orphans = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && commandLineOf(Number(name))[0]?.startsWith("postgres:"))
    .filter((name) => worksIn(name, cluster))
    .flatMap((name) => watchProcess(Number(name)) ?? []);
  await Promise.all(
    orphans.map(async (orphan) => {
      signal(orphan, "SIGQUIT");
      if (!(await waitUntilGone(orphan, 2_000))) signal(orphan, "SIGKILL");
      await waitUntilGone(orphan, 5_000);
    }),
  );
}

/** Signals a process that may have ended on its own in the meantime. */
export function signal({ pid, isGone }: Postmaster, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!isGone()) throw error;
  }
}

/** Follows a process that isn't our child. How it ended stays unknown. Undefined when it is gone already. */
export function watchProcess(pid: number): Postmaster | undefined {
  const life = lifeOf(pid);
  if (life === undefined) return undefined;
  const isGone = () => lifeOf(pid) !== life;
  const exited = (async (): Promise<Exit> => {
    while (!isGone()) await delay(100, undefined, { ref: false });
    return { code: null, signal: null };
  })();
  return { pid, exited, isGone };
}

/** How the server ended, once it has. Keeps this process alive meanwhile, which watching a stranger's child doesn't. */
export async function exitOf(postmaster: Postmaster): Promise<Exit> {
  const awake = setInterval(() => undefined, 60_000);
  return postmaster.exited.finally(() => clearInterval(awake));
}

/** Waits until the process is gone; false when it isn't after `timeoutMs`. */
export async function waitUntilGone(postmaster: Postmaster, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (!postmaster.isGone()) {
    if (performance.now() > deadline) return false;
    await delay(5);
  }
  return true;
}

function readProc(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
