import { readFileSync } from "node:fs";

/**
 * Tells this life of `pid` from a later one: the time it started, in ticks since boot. Undefined when there is no such
 * process, or only its shell: a zombie answers to kill(pid, 0) for ever where process 1 doesn't reap.
 */
export function lifeOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the program's name in parentheses, and may hold spaces and parentheses itself.
    const [state, ...rest] = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return state === "Z" || state === "X" ? undefined : rest[18];
  } catch {
    return undefined;
  }
}
