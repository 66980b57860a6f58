import { type ChildProcess, spawn } from "node:child_process";
import { newId } from "../../kernel/index.ts";
import type { Log } from "../log/index.ts";
import { freePort } from "../postgres-process/free-port.ts";
import { guardGroup, signalGroup } from "./guard.ts";
import { watchHealth } from "./health.ts";
import { planLaunch } from "./launch.ts";
import type { Confinement, LaunchMarks, LaunchRequest } from "./launch-request.ts";
import { strangerAt } from "./listener.ts";
import { createMembers, type Members } from "./members.ts";
import { readLines } from "./output.ts";
import { pause } from "./pause.ts";
import { innermostPid, listProcesses, processEntry } from "./processes.ts";
import type { ProcessRecords } from "./records.ts";
import { refusalToEnter } from "./refusal.ts";
import { unusedGroup } from "./uids.ts";

export type LifeOptions = {
  launch: LaunchRequest;
  confinement: Confinement;
  records: ProcessRecords;
  healthPath: string;
  startTimeoutMs: number;
  log: Log;
  onStarted: (processId: number) => void;
  onHealthy: (processId: number, url: string) => void;
  /** Aborts to end the process. */
  stopping: AbortSignal;
};

const endTimeoutMs = 5_000;
const lookEveryMs = 1_000;

/** One life of a process, from its start until it and all that it started are gone; resolves with why it ended. */
export async function liveOnce(options: LifeOptions): Promise<string> {
  const { launch, confinement, records, stopping } = options;
  const refused = await refusalToEnter(launch, confinement);
  if (refused !== undefined) return refused;
  const port = await freePort("127.0.0.1");
  const byGroup = confinement.way === "marks" && process.getuid?.() === 0;
  const marks = { instanceId: newId(), groupId: byGroup ? await unusedGroup() : undefined };
  const variables = { ...launch.variables, PORT: String(port) };
  const plan = await planLaunch({ ...launch, variables }, confinement, marks);
  // A full disk is no reason to be away: the kernel, or the guard, does without what is written there.
  const note = ({ message }: Error) => options.log.warn({ error: message }, "app.record-failed");
  await records.write(marks, []).catch(note);
  try {
    if (stopping.aborted) return "It was stopped.";
    const child = spawn(plan.file, plan.args, {
      cwd: launch.workingDirectory,
      env: plan.environment,
      detached: true,
      stdio: ["ignore", "pipe", "pipe", ...(plan.isHeldByPipe ? ["pipe" as const] : [])],
    });
    return await untilEnd(options, { child, port, marks });
  } finally {
    await records.remove(marks).catch(note);
  }
}

type Started = { child: ChildProcess; port: number; marks: LaunchMarks };

async function untilEnd(options: LifeOptions, { child, port, marks }: Started): Promise<string> {
  const { launch, log, stopping } = options;
  const ended = endOf(child);
  if (child.pid === undefined) return ended;
  const leaderId = child.pid;
  const { way } = options.confinement;
  const release = way === "marks" ? guardGroup(leaderId, marks) : () => undefined;
  const members = createMembers({ marks, way, leader: processEntry(leaderId) });
  const hold = child.stdio[3];
  hold?.on("error", () => undefined);
  logOutput(child, log);
  options.onStarted(leaderId);

  const terminate = () => signalGroup(leaderId, "SIGTERM");
  const watching = new AbortController();
  stopping.addEventListener("abort", terminate, { once: true });
  const url = `http://127.0.0.1:${port}`;
  const findStranger = () => strangerAt(port, process.getuid?.() === 0 ? launch.uid : process.getuid!());
  let isHealthy = false;
  const unhealthy = watchHealth({
    url: url + options.healthPath,
    startTimeoutMs: options.startTimeoutMs,
    findStranger,
    async onHealthy() {
      const processId = await ownProcessOf(leaderId, way);
      if (watching.signal.aborted) return;
      isHealthy = true;
      options.onHealthy(processId, url);
    },
    signal: watching.signal,
  });
  const looking = keepLooking(options, { members, marks, signal: watching.signal });
  try {
    const reason = await Promise.race([ended, unhealthy, aborted(stopping)]);
    if (child.exitCode === null && child.signalCode === null) terminate();
    await Promise.race([ended, pause(endTimeoutMs)]);
    // Who finds its port taken ends with an error of its own, which says less.
    return (isHealthy || stopping.aborted ? undefined : await findStranger()) ?? reason;
  } finally {
    watching.abort();
    stopping.removeEventListener("abort", terminate);
    // What didn't end in time, and children that the process left behind, go now.
    hold?.destroy();
    const left = await members.end();
    if (left.length > 0) log.error({ processIds: left.map(({ pid }) => pid) }, "app.processes-left");
    else await ended;
    await looking;
    release();
  }
}

/**
 * An ordinary user can mark processes by a variable only, which they may drop: so we look now and then, to know those that
 * descend from others while they can still be told by that.
 */
async function keepLooking(
  { confinement, records, log }: LifeOptions,
  { members, marks, signal }: { members: Members; marks: LaunchMarks; signal: AbortSignal },
): Promise<void> {
  if (confinement.way !== "marks" || marks.groupId !== undefined) return;
  let written = "";
  while (!signal.aborted) {
    const found = await members.find();
    const ids = found.map(({ pid }) => pid).join();
    if (ids !== written) {
      await records
        .write(marks, found)
        .catch(({ message }: Error) => log.warn({ error: message }, "app.record-failed"));
    }
    written = ids;
    await pause(lookEveryMs, signal);
  }
}

/** The application's own, as the system numbers it. In a process namespace it is what starts it that we have started. */
async function ownProcessOf(leaderId: number, way: Confinement["way"]): Promise<number> {
  if (way === "marks") return leaderId;
  for (const { pid, parent } of listProcesses()) {
    if (parent === leaderId && (await innermostPid(pid)) !== 1) return pid;
  }
  return leaderId;
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
