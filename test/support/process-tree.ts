import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

export type ProcessInfo = {
  pid: number;
  parent: number;
  /** Ticks since boot: tells this process from a later one of the same number. */
  startedAt: string;
  command: string;
};

/** What the kernel knows of a process; undefined when it is gone or only waits to be reaped. */
export function processOf(pid: number): ProcessInfo | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The program's name stands in parentheses and may hold anything.
    const [state, parent, ...rest] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (state === "Z" || state === "X") return undefined;
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
    return { pid, parent: Number(parent), startedAt: rest[17]!, command };
  } catch {
    return undefined;
  }
}

/** Whether this very process still runs. */
export function isAlive({ pid, startedAt }: ProcessInfo): boolean {
  return processOf(pid)?.startedAt === startedAt;
}

/** A process and everything that descends from it. */
export function treeOf(root: number): ProcessInfo[] {
  const all = allProcesses();
  const found = all.filter(({ pid }) => pid === root);
  for (const { pid } of found) found.push(...all.filter(({ parent }) => parent === pid));
  return found;
}

/** Everything on this machine that was started by these words. */
export function processesCalled(command: string): ProcessInfo[] {
  return allProcesses().filter((one) => one.command === command);
}

/** Everything on this machine whose command holds these words. */
export function processesWith(words: string): ProcessInfo[] {
  return allProcesses().filter((one) => one.command.includes(words));
}

function allProcesses(): ProcessInfo[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => processOf(Number(name)) ?? []);
}

/** The variables a process was started with, by name. */
export function environmentOf(pid: number): Record<string, string> {
  const pairs = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").filter(Boolean);
  return Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
  );
}

/** `kill -9` of all of them, the first one first; resolves when none is left. */
export async function killAll(processes: readonly ProcessInfo[]): Promise<void> {
  for (const one of processes) {
    if (!isAlive(one)) continue;
    try {
      process.kill(one.pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
  while (processes.some(isAlive)) await delay(5);
}
