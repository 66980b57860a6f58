import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import path from "node:path";
import { refusal } from "../../problem.ts";
import { exitOf } from "./server-process.ts";

/** Where the installation of this machine lies: by flag, environment, or here. */
export function dataDirOf(flag: string | undefined): string {
  return path.resolve(flag ?? (process.env.TENANTRY_DATA_DIR || ".tenantry"));
}

/** The process that runs on a data directory; undefined when none does. */
export async function runningProcess(directory: string): Promise<number | undefined> {
  const file = path.join(directory, "lock");
  const holder = await readHolder(file);
  // The file outlives its process, and the number may be another's by now: only the lock itself tells.
  if (holder === undefined || !(await isLocked(file))) return undefined;
  if (holder.host === hostname()) return holder.pid;
  throw refusal("stop_failed", `It runs on another machine, ${holder.host}.`, { remedy: "Stop it there." });
}

async function readHolder(file: string): Promise<{ pid: number; host: string } | undefined> {
  try {
    return JSON.parse((await readFile(file, "utf8")) || "null") ?? undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw refusal("file_unreadable", `${file} can't be read (${code ?? "its content is damaged"}).`, {
      remedy: code === "EACCES" ? "Run the command as the user who started Tenantry." : undefined,
      cause: error,
    });
  }
}

/** Whether some process holds the lock; ours is given back at once. */
export async function isLocked(file: string): Promise<boolean> {
  return (
    (await exitOf(spawn("flock", ["--exclusive", "--nonblock", file, "true"], { stdio: "ignore" }))) === 1
  );
}
