import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** What `npx tenantry` runs. */
export const bin = fileURLToPath(new URL("../../packages/cli/bin/tenantry.js", import.meta.url));

export type CommandOptions = {
  /** Added to ours, from which everything that configures Tenantry is taken out. */
  environment?: Record<string, string> | undefined;
  workingDirectory?: string;
  /** Before the program's name. */
  nodeArguments?: readonly string[];
  /** A program, with its arguments, to run it by. */
  wrapper?: readonly string[] | undefined;
  /** Another copy of the program; the one of this folder when left out. */
  program?: string;
};

export type Finished = { code: number | null; stdout: string; stderr: string };

/** Starts `tenantry …` as a newcomer's shell does, in a process group of its own. */
export function spawnTenantry(args: readonly string[], options: CommandOptions = {}): ChildProcess {
  const program = [process.execPath, ...(options.nodeArguments ?? []), options.program ?? bin];
  const [file, ...words] = [...(options.wrapper ?? []), ...program, ...args];
  return spawn(file!, words, {
    env: { ...plainEnvironment(), ...options.environment },
    cwd: options.workingDirectory,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Runs `tenantry …` to its end. */
export function runTenantry(args: readonly string[], options: CommandOptions = {}): Promise<Finished> {
  return finish(spawnTenantry(args, options));
}

/** Gathers what a process says until it ends. */
export function finish(child: ChildProcess): Promise<Finished> {
  const said = { stdout: "", stderr: "" };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    said.stdout += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said.stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, ...said }));
  });
}

function plainEnvironment(): Record<string, string> {
  const ours = /^(TENANTRY_|MAX_|DEFAULT_|DELETION_|VITEST)|^(DATABASE_URL|PORT|NODE_OPTIONS)$/;
  return Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => !ours.test(entry[0])),
  );
}
