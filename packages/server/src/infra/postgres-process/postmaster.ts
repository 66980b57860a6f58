import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Binaries } from "./binaries.ts";
import { commandAs, type Identity } from "./identity.ts";
import { programEnvironment } from "./run.ts";

export type Exit = { code: number | null; signal: NodeJS.Signals | null };

export type Launched = { process: ChildProcess; pid: number; exited: Promise<Exit> };

export type LaunchOptions = {
  binaries: Binaries;
  identity: Identity;
  environment: Record<string, string>;
  cluster: string;
  settings: Record<string, string>;
  /** Where both output streams of the server go: a file descriptor, open for appending. */
  output: number | "ignore";
  /** Sent to the server by the kernel when the thread that launched it ends. */
  signalOnParentDeath?: "QUIT";
};

/** Spawns the postmaster in a session of its own, so that a Ctrl-C meant for us doesn't reach it before we do. */
export async function launchPostmaster(options: LaunchOptions): Promise<Launched> {
  const args = postmasterArguments(options.cluster, options.settings);
  const watched = options.signalOnParentDeath
    ? {
        file: "setpriv",
        args: ["--pdeathsig", options.signalOnParentDeath, "--", options.binaries.postgres, ...args],
      }
    : { file: options.binaries.postgres, args };
  const command = commandAs(options.identity, watched.file, watched.args);
  const child = spawn(command.file, command.args, {
    env: programEnvironment(options.environment),
    cwd: "/",
    uid: options.identity.uid,
    gid: options.identity.gid,
    detached: true,
    stdio: ["ignore", options.output, options.output],
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  const exited = new Promise<Exit>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  return { process: child, pid: child.pid as number, exited };
}

/** The command line after the program's name; an adopted postmaster is recognised by it. */
export function postmasterArguments(cluster: string, settings: Record<string, string>): string[] {
  return ["-D", cluster, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])];
}

/** Resolves to "ready" once the server takes connections, or to how it ended if it ends before. */
export async function readyOrGone(
  launched: Launched,
  cluster: string,
  signal?: AbortSignal,
): Promise<"ready" | Exit> {
  let gone: Exit | undefined;
  void launched.exited.then((exit) => {
    gone = exit;
  });
  for (;;) {
    if (gone) return gone;
    const state = await readPidFile(cluster);
    if (state?.pid === launched.pid && state.ready) return "ready";
    await delay(3, undefined, { signal });
  }
}

export type PidFile = { pid: number; dataDirectory: string; startedAt: number; port: number; ready: boolean };

/** Reads postmaster.pid; undefined when there is none or it is half written. */
export async function readPidFile(cluster: string): Promise<PidFile | undefined> {
  const text = await readFile(path.join(cluster, "postmaster.pid"), "utf8").catch(() => "");
  const [pid, dataDirectory, startedAt, port, , , , status = ""] = text.split("\n");
  if (!pid || !dataDirectory || !startedAt || !port) return undefined;
  return {
    pid: Math.abs(Number(pid)),
    dataDirectory,
    startedAt: Number(startedAt),
    port: Number(port),
    ready: status.trim() === "ready",
  };
}
