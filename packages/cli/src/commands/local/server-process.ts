import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The file of one of the server's entries. */
export function entryFile(name: string): string {
  return fileURLToPath(new URL(`../../../../server/src/entry/${name}.ts`, import.meta.url));
}

/** Runs one of the server's entries in this terminal; answers its exit code. */
export async function runEntry(name: string, args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [entryFile(name), ...args], { stdio: "inherit" });
  // A terminal sends Ctrl-C to both of us: the child ends in order, and we with it.
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  return exitOf(child);
}

/** The exit code of a process when it has ended; 1 when a signal ended it. */
export function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve(signal ? 1 : (code ?? 1)));
  });
}
