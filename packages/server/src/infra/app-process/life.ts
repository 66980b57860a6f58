import { type ChildProcess, spawn } from "node:child_process";
import type { Log } from "../log/index.ts";
import { freePort } from "../postgres-process/free-port.ts";
import { guardGroup, signalGroup } from "./guard.ts";
import { watchHealth } from "./health.ts";
import { type LaunchRequest, planLaunch, refusalToEnter } from "./launch.ts";
import { readLines } from "./output.ts";
import { pause } from "./pause.ts";

export type LifeOptions = {
  launch: LaunchRequest;
  healthPath: string;
  startTimeoutMs: number;
  log: Log;
  onStarted: (processId: number) => void;
  onHealthy: (processId: number, url: string) => void;
  /** Aborts to end the process. */
  stopping: AbortSignal;
};

const endTimeoutMs = 5_000;

/** One life of a process, from its start until it and its whole group are gone; resolves with why it ended. */
export async function liveOnce(options: LifeOptions): Promise<string> {
  const { launch, log, stopping } = options;
  const refused = await refusalToEnter(launch);
  if (refused !== undefined) return refused;
  const port = await freePort("127.0.0.1");
  const plan = await planLaunch({ ...launch, variables: { ...launch.variables, PORT: String(port) } });
  if (stopping.aborted) return "It was stopped.";
  const child = spawn(plan.file, plan.args, {
    cwd: plan.workingDirectory,
    env: plan.environment,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = endOf(child);
  if (child.pid === undefined) return ended;
  const processId = child.pid;
  const release = guardGroup(processId);
  logOutput(child, log);
  options.onStarted(processId);

  const terminate = () => signalGroup(processId, "SIGTERM");
  const watching = new AbortController();
  stopping.addEventListener("abort", terminate, { once: true });
  const url = `http://127.0.0.1:${port}`;
  const unhealthy = watchHealth({
    url: url + options.healthPath,
    startTimeoutMs: options.startTimeoutMs,
    onHealthy: () => options.onHealthy(processId, url),
    signal: watching.signal,
  });
  try {
    const reason = await Promise.race([ended, unhealthy, aborted(stopping)]);
    if (child.exitCode === null && child.signalCode === null) terminate();
    await Promise.race([ended, pause(endTimeoutMs)]);
    return reason;
  } finally {
    watching.abort();
    stopping.removeEventListener("abort", terminate);
    // What didn't end in time, and children that the process left behind, go now.
    signalGroup(processId, "SIGKILL");
    await ended;
    release();
  }
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(`It couldn't be started: ${error.message}`));
    child.once("exit", (code, signal) =>
      resolve(signal ? `It was ended by ${signal}.` : `It ended with exit code ${code}.`),
    );
  });
}

function aborted(signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve("It was stopped."), { once: true });
  });
}

function logOutput(child: ChildProcess, log: Log): void {
  for (const stream of ["stdout", "stderr"] as const) {
    readLines(child[stream]!, (line) => log.info({ stream, line }, "app.output"));
  }
}
