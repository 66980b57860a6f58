import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { newId } from "../../kernel/index.ts";
import { lifeOf } from "../process-life/index.ts";

/**
 * Who holds a lease: `host process-id machine.started session`. For people the first two; the rest tells a process
 * that is gone from one that only looks alike (another machine, a process id used again).
 */
export function newHolder(): string {
  return `${hostname()} ${process.pid} ${thisMachine}.${lifeOf(process.pid) ?? "unknown"} ${newId()}`;
}

/** True only when the holder's process certainly isn't there any more: same machine, and no such process. */
export function isProvablyGone(holder: string): boolean {
  const [, processId, origin] = holder.split(" ");
  if (!processId || !origin || thisMachine === "unknown") return false;
  const [machine, started] = origin.split(".");
  if (machine !== thisMachine || started === "unknown") return false;
  return lifeOf(Number(processId)) !== started;
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
