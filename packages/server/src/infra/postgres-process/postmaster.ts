import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { commandAs, type Identity } from "./identity.ts";
import { type Exit, type Postmaster, signal, waitUntilGone } from "./processes.ts";
import { programEnvironment } from "./run.ts";

export type LaunchOptions = {
  program: string;
  args: readonly string[];
  identity: Identity;
  environment: Record<string, string>;
  /** Where both output streams of the server go: a file descriptor, open for appending. */
  output: number | "ignore";
  /** Sent by the kernel to the server when the thread that launched it ends; none when left out. */
  onParentDeath?: "QUIT";
  /** How much memory of its own each of the server's processes may have; as much as there is when left out. */
  memoryBytes?: number;
};

/**
 * A statement that needs more memory than that fails for itself ("out of memory", 53200), and nobody else notices. Without
 * a bound the kernel ends some process when there is none left, and the server, with everybody's connections, with it.
 */
export function withMemoryBound(
  memoryBytes: number,
  command: { file: string; args: readonly string[] },
): { file: string; args: string[] } {
  // POSIX counts in KiB. Where the bound is lower already, it stays.
  const script = 'ulimit -d "$0" 2>/dev/null; exec "$@"';
  return {
    file: "/bin/sh",
    args: ["-c", script, String(Math.floor(memoryBytes / 1024)), command.file, ...command.args],
  };
}

/** Spawns the postmaster in a session of its own, so that a Ctrl-C meant for us doesn't reach it before we do. */
export async function launchPostmaster(options: LaunchOptions): Promise<Postmaster> {
  const { program: file, args, memoryBytes } = options;
  const program = memoryBytes ? withMemoryBound(memoryBytes, { file, args }) : { file, args };
  const command = commandAs(options.identity, program.file, program.args, options.onParentDeath);
  const child = spawn(command.file, command.args, {
    env: programEnvironment(options.environment),
    cwd: "/",
    uid: options.identity.uid,
    gid: options.identity.gid,
    detached: true,
    stdio: ["ignore", options.output, options.output],
  });
  let gone = false;
  const exited = new Promise<Exit>((resolve) => {
    child.once("exit", (code, signal) => {
      gone = true;
      resolve({ code, signal });
    });
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  // Every program before postgres replaces itself by the next, so the number is the postmaster's in the end.
  return { pid: child.pid as number, exited, isGone: () => gone };
}

/** The command line after the program's name. Settings given here can't be changed by ALTER SYSTEM. */
export function postmasterArguments(cluster: string, settings: Record<string, string>): string[] {
  return ["-D", cluster, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])];
}

/** Resolves to true once the server takes connections, to false if it ends before. Recovery may take minutes. */
export async function becomesReady(
  postmaster: Postmaster,
  cluster: string,
  options: { signal?: AbortSignal; onSlow?: () => void } = {},
): Promise<boolean> {
  const slowAt = performance.now() + 3_000;
  let onSlow = options.onSlow;
  while (!postmaster.isGone()) {
    const state = await readPidFile(cluster);
    if (isReady(state, postmaster.pid)) return true;
    if (performance.now() > slowAt) {
      onSlow?.();
      onSlow = undefined;
    }
    await delay(3, undefined, { signal: options.signal });
  }
  return false;
}

function isReady(state: PidFile | "unreadable" | undefined, pid: number): boolean {
  return typeof state === "object" && state.pid === pid && state.status === "ready";
}

/**
 * Ends the server: first politely (clients are cut off, everything is written), after `timeoutMs` at once (the next
 * start recovers), and if it doesn't react even to that, by the kernel. Works for any server this user may signal.
 */
export async function stopPostmaster(postmaster: Postmaster, timeoutMs: number): Promise<void> {
  for (const [name, patienceMs] of [
    ["SIGINT", timeoutMs],
    // On SIGQUIT the postmaster gives its children five seconds before it kills them.
    ["SIGQUIT", 7_000],
    ["SIGKILL", 10_000],
  ] as const) {
    if (postmaster.isGone()) return;
    signal(postmaster, name);
    if (await waitUntilGone(postmaster, patienceMs)) return;
  }
  throw new Error(`PostgreSQL (process ${postmaster.pid}) can't be stopped.`);
}

export type PidFile = { pid: number; port: number; status: string };

/** Reads postmaster.pid; undefined when there is none. Its status comes last, so it may be missing for a while. */
export async function readPidFile(cluster: string): Promise<PidFile | "unreadable" | undefined> {
  let text: string;
  try {
    text = await readFile(path.join(cluster, "postmaster.pid"), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const [pid, , , port, , , , status = ""] = text.split("\n");
  if (!pid || !port) return "unreadable";
  return { pid: Math.abs(Number(pid)), port: Number(port), status: status.trim() };
}
