import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { waitUntil } from "./wait-until.ts";

export type FaultProcess = {
  child: ChildProcess;
  /** What it said so far. */
  lines: string[];
  says(line: string): Promise<unknown>;
  /** Repeatable. */
  kill(): Promise<void>;
};

/** Starts a worker of the fault workflow in a process of its own, and waits until it is ready. */
export async function startFaultWorker(options: {
  url: string;
  leaseMs: number;
  stopAt?: string;
}): Promise<FaultProcess> {
  const program = fileURLToPath(new URL("./fault-worker.ts", import.meta.url));
  const child = spawn(process.execPath, [program, JSON.stringify(options)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const lines: string[] = [];
  createInterface(child.stdout).on("line", (line) => lines.push(line));
  const says = (line: string) => waitUntil(`the worker says "${line}"`, () => lines.includes(line), 20_000);
  await says("ready");
  return {
    child,
    lines,
    says,
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
