import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { newId } from "../../kernel/index.ts";

/**
 * Who holds a lease: `host process-id machine.started session`. For people the first two; the rest tells a process
 * that is gone from one that only looks alike (another machine, a process id used again).
 */
export function newHolder(): string {
  return `${hostname()} ${process.pid} ${thisMachine}.${startedAt(process.pid) ?? "unknown"} ${newId()}`;
}

/** True only when the holder's process certainly isn't there any more: same machine, and no such process. */
export function isProvablyGone(holder: string): boolean {
  const [, processId, origin] = holder.split(" ");
  if (!processId || !origin || thisMachine === "unknown") return false;
  const [machine, started] = origin.split(".");
  if (machine !== thisMachine || started === "unknown") return false;
  return startedAt(Number(processId)) !== started;
}

const thisMachine = machineOf();

/** One boot of one machine, and one namespace of process ids in it. */
function machineOf(): string {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim().slice(0, 8);
    const namespace = /\d+/.exec(readlinkSync("/proc/self/ns/pid"))![0];
    return `${boot}-${namespace}`;
  } catch {
    return "unknown";
  }
}

/** When a process started, in ticks since boot; undefined when there is no such process. */
function startedAt(processId: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${processId}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    // A process that was killed but not yet waited for does nothing any more.
    return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
