import { spawn } from "node:child_process";
import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  ftruncateSync,
  openSync,
  readFileSync,
  statSync,
  writeSync,
} from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { StartRefused } from "../../kernel/index.ts";

export type DataDirLock = {
  /** Gives the directory free. Repeatable; the death of the process does the same. */
  release(): void;
};

/**
 * Takes the directory (which must exist) for this process alone, by an advisory lock on its file `lock`. The kernel
 * lets go of it when the process ends, however it ends, and no child inherits it. If another holds it, fails at once
 * with `data_dir_in_use`, naming its process. Also excludes a second call in the same process.
 */
export async function lockDataDir(directory: string): Promise<DataDirLock> {
  const file = path.join(directory, "lock");
  const descriptor = open(file, directory);
  try {
    if (!(await lock(descriptor, file))) throw await inUse(directory, file);
    ftruncateSync(descriptor);
    writeSync(descriptor, JSON.stringify({ pid: process.pid, host: hostname() }), 0);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  let held = true;
  return {
    release() {
      // The file stays: removing it would let two processes hold locks on two files of the same name.
      if (held) closeSync(descriptor);
      held = false;
    },
  };
}

function open(file: string, directory: string): number {
  try {
    const descriptor = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o600);
    fchmodSync(descriptor, 0o600);
    const { uid, gid } = statSync(directory);
    // Started once by root, a directory must still serve the user it belongs to.
    if (process.getuid?.() === 0) fchownSync(descriptor, uid, gid);
    return descriptor;
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code;
    throw new StartRefused(
      "data_dir_unusable",
      `The data directory ${directory} can't be written (${reason}). Start as the user it belongs to, or choose another one.`,
      { cause },
    );
  }
}

/**
 * Node has no flock(2), but a lock belongs to the open file, not to the process that asked for it: the `flock` program
 * takes it through the descriptor that it shares with us, and leaves it to us when it ends.
 */
async function lock(descriptor: number, file: string): Promise<boolean> {
  const child = spawn("flock", ["-x", "-n", "3"], {
    stdio: ["ignore", "ignore", "pipe", descriptor],
    cwd: "/",
  });
  let output = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const code = await new Promise<number | null>((resolve) => {
    child.once("error", (error) => {
      output += error.message;
      resolve(null);
    });
    child.once("close", resolve);
  });
  if (code === 0) return true;
  if (code === 1) return false;
  throw new StartRefused(
    "data_dir_unusable",
    `The file ${file} can't be locked: ${output.trim()}. Install util-linux if flock is missing; keep the data directory on a local disk.`,
  );
}

async function inUse(directory: string, file: string): Promise<StartRefused> {
  const holder = await readHolder(file);
  const elsewhere = holder && holder.host !== hostname() ? ` on ${holder.host}` : "";
  const who = holder ? `process ${holder.pid}${elsewhere}` : "another process";
  return new StartRefused(
    "data_dir_in_use",
    `The data directory ${directory} is in use by ${who}. Stop that one first, or choose another data directory.`,
    { pid: holder?.pid },
  );
}

/** The holder writes its name right after it took the lock, so a moment may pass before the name is there. */
async function readHolder(file: string): Promise<Holder | undefined> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const holder = parseHolder(readFileSync(file, "utf8"));
    // A name that leads nowhere is the last holder's, from before the present one wrote its own.
    if (holder && (holder.host !== hostname() || existsSync(`/proc/${holder.pid}`))) return holder;
    await delay(10);
  }
  return undefined;
}

type Holder = { pid: number; host: string };

function parseHolder(text: string): Holder | undefined {
  const [, pid, host] = /^\{"pid":(\d+),"host":"([^"]*)"\}$/.exec(text) ?? [];
  return pid && host !== undefined ? { pid: Number(pid), host } : undefined;
}
