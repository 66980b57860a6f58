import { type ChildProcess, spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir, userInfo } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type TestKitAddress, testKitProtocol } from "@tenantry/contract";
import { TestKitError } from "./errors.ts";

export type HostOptions = {
  /** Where the host keeps its databases; one host for all who name the same. */
  directory: string;
  keepWarmMs: number;
};

/** A second or two, but on a machine that has far more to do. */
const startDeadlineMs = 120_000;
const lookEveryMs = 15;
/** A claim that is older belongs to a process that was killed. */
const claimLastsMs = 20_000;
/** The exit code of a host that found another one in its directory. */
const exitInUse = 3;

/** In the cache of the nearest node_modules, so that all of a project's tests share one host. */
export function usualDirectory(from = process.cwd()): string {
  for (let directory = from; ; directory = path.dirname(directory)) {
    const modules = path.join(directory, "node_modules");
    if (existsSync(modules)) return path.join(modules, ".cache", "tenantry-testkit");
    if (path.dirname(directory) === directory) {
      return path.join(tmpdir(), `tenantry-testkit-${userInfo().uid}`);
    }
  }
}

/** The host that runs in the directory; undefined when none does, or none that we understand. */
export async function findHost(directory: string): Promise<TestKitAddress | undefined> {
  const address = readAddress(directory);
  if (!address || address.protocol !== testKitProtocol) return undefined;
  const headers = { authorization: `Bearer ${address.key}` };
  const alive = await fetch(`${address.url}/kit/status`, { headers }).then(
    (response) => response.arrayBuffer().then(() => response.ok),
    () => false,
  );
  return alive ? address : undefined;
}

function readAddress(directory: string): TestKitAddress | undefined {
  try {
    return JSON.parse(readFileSync(path.join(directory, "host.json"), "utf8")) as TestKitAddress;
  } catch {
    // None was written, or a killed host left half of one: then there is none.
    return undefined;
  }
}

/** Finds the directory's host, or starts one, which goes on after this process. Any number may call at once. */
export async function reachHost(options: HostOptions): Promise<TestKitAddress> {
  const { directory } = options;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const until = performance.now() + startDeadlineMs;
  let started: ReturnType<typeof spawnHost> | undefined;
  try {
    while (performance.now() < until) {
      const found = await findHost(directory);
      if (found) return found;
      const failed = started?.ended();
      if (failed !== undefined && failed !== exitInUse) throw notStarted(directory);
      if (!started && claimStart(directory)) started = spawnHost(options);
      await pause(lookEveryMs);
    }
    throw notStarted(directory);
  } finally {
    if (started) rmSync(claimFile(directory), { force: true });
  }
}

const claimFile = (directory: string): string => path.join(directory, "starting");

/** Workers come all at once, and one host is enough: false while somebody else is starting it. */
function claimStart(directory: string): boolean {
  const file = claimFile(directory);
  try {
    writeFileSync(file, "", { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  // Of somebody who was killed at it.
  const { mtimeMs = 0 } = statSync(file, { throwIfNoEntry: false }) ?? {};
  if (Date.now() - mtimeMs > claimLastsMs) rmSync(file, { force: true });
  return false;
}

function spawnHost({ directory, keepWarmMs }: HostOptions): { ended(): number | undefined } {
  const entry = fileURLToPath(new URL("../../server/src/entry/testkit/main.ts", import.meta.url));
  const output = openSync(logFile(directory), "a", 0o600);
  let host: ChildProcess;
  try {
    host = spawn(
      process.execPath,
      [entry, "--directory", directory, "--keep-warm-ms", String(Math.round(keepWarmMs))],
      // Of its own: it outlives whoever started it, and a Ctrl-C meant for the tests isn't meant for it.
      { cwd: "/", detached: true, stdio: ["ignore", output, output] },
    );
  } finally {
    closeSync(output);
  }
  let code: number | undefined;
  host.once("error", () => (code = 1));
  host.once("exit", (status) => (code = status ?? 1));
  host.unref();
  return { ended: () => code };
}

const logFile = (directory: string): string => path.join(directory, "host.log");

function notStarted(directory: string): TestKitError {
  const log = logFile(directory);
  const lastWords = existsSync(log) ? readFileSync(log, "utf8").trim().split("\n").slice(-3).join("\n") : "";
  return new TestKitError(
    "host_not_started",
    `The test kit's host didn't start in ${directory}. Its last words (more in ${log}): ${lastWords || "none"}`,
  );
}
