import { readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";

/** One life of a process, as the kernel tells it. */
export type ProcessEntry = {
  pid: number;
  parent: number;
  /** Its process group. */
  group: number;
  /** In ticks since boot. With the number it tells this life from all others. */
  startedAt: number;
};

/** Every process that lives; those that only wait to be reaped don't. Takes some 10 µs for each. */
export function listProcesses(): ProcessEntry[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => processEntry(Number(name)) ?? []);
}

export function processEntry(pid: number): ProcessEntry | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the program's name in parentheses, and may hold spaces and parentheses itself.
    const [state, parent, group, ...rest] = text.slice(text.lastIndexOf(")") + 2).split(" ");
    if (state === "Z" || state === "X") return undefined;
    return { pid, parent: Number(parent), group: Number(group), startedAt: Number(rest[16]) };
  } catch {
    return undefined;
  }
}

/** Whether a process was started with this variable and value; false when we may not know. */
export async function hasVariable(pid: number, name: string, value: string): Promise<boolean> {
  return `\0${await readProc(pid, "environ")}`.includes(`\0${name}=${value}\0`);
}

/** The groups of the system that a process is in beside its own. */
export async function groupsOf(pid: number): Promise<number[]> {
  const line = /^Groups:(.*)$/m.exec(await readProc(pid, "status"))?.[1] ?? "";
  return line.trim().split(/\s+/).filter(Boolean).map(Number);
}

/** Its number in its own process namespace. */
export async function innermostPid(pid: number): Promise<number | undefined> {
  const line = /^NSpid:(.*)$/m.exec(await readProc(pid, "status"))?.[1];
  return line === undefined ? undefined : Number(line.trim().split(/\s+/).at(-1));
}

/** Empty when it is gone, or hidden from us. */
function readProc(pid: number, name: string): Promise<string> {
  return readFile(`/proc/${pid}/${name}`, "utf8").catch(() => "");
}
