import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { type Confinement, type ProcessState, probeConfinement } from "../infra/app-process/index.ts";
import { waitUntil } from "./wait-until.ts";

export type AppHostOptions = {
  /** Programs to run it by: as another user, say. */
  wrapper?: readonly string[];
  /** By which Node.js, and whose code is run: ours when left out. */
  code?: { node?: string; source?: string };
  /** What is found by trying when left out. */
  confinement?: Confinement;
  command: string;
  directory: string;
  uid: number;
  recordsDirectory: string;
  reaches?: readonly string[];
  hides?: readonly string[];
  variables?: Record<string, string>;
};

export type AppHost = {
  process: ChildProcess;
  /** By what the application's processes were kept together. */
  confinement(): Promise<Confinement>;
  states(): ProcessState[];
  /** The next one that comes after those that were there. */
  healthy(after?: number): Promise<Extract<ProcessState, { state: "healthy" }>>;
  /** Stops the application and ends. */
  stop(): Promise<void>;
  /** `kill -9` of the host alone. */
  kill(): Promise<void>;
} & AsyncDisposable;

const ownSource = path.join(import.meta.dirname, "../infra/app-process/index.ts");

/** An application under a supervisor in a process of its own: one that can be killed, or run by another user. */
export function startAppHost(options: AppHostOptions): AppHost {
  const { node = process.execPath, source = ownSource } = options.code ?? {};
  const script = hostScript.replace("SOURCE", JSON.stringify(source));
  const words = [...(options.wrapper ?? []), node, "--input-type=module", "-e", script];
  const host = spawn(words[0]!, [...words.slice(1), JSON.stringify(options)], {
    stdio: ["pipe", "pipe", "inherit"],
    cwd: "/",
  });
  let said = "";
  host.stdout!.on("data", (text) => (said += text));
  const ended = once(host, "exit");
  const lines = () =>
    said
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  const states = () => lines().filter((line) => "state" in line) as ProcessState[];
  async function end(): Promise<void> {
    host.stdin!.end();
    await ended;
  }
  return {
    process: host,
    confinement: () =>
      waitUntil(
        "it is known how the application is confined",
        () => lines().find((line) => "way" in line) as Confinement | undefined,
      ),
    states,
    async healthy(after = 0) {
      const found = () =>
        states()
          .slice(after)
          .find((state) => state.state === "healthy");
      await waitUntil(
        () => `the application is healthy; said so far: ${said}`,
        () => found(),
        30_000,
      );
      return found() as Extract<ProcessState, { state: "healthy" }>;
    },
    stop: end,
    async kill() {
      host.kill("SIGKILL");
      await ended;
    },
    async [Symbol.asyncDispose]() {
      if (host.exitCode === null && host.signalCode === null) await end();
    },
  };
}

const hostScript = `
import { endLeftovers, probeConfinement, superviseProcess } from SOURCE;
const { command, directory, uid, recordsDirectory, reaches = [], hides = [], variables = {}, ...rest } =
  JSON.parse(process.argv[1]);
const say = (line) => console.log(JSON.stringify(line));
const log = { info() {}, warn() {}, error: (fields, event) => console.error(event, fields), child: () => log };
const confinement = rest.confinement ?? (await probeConfinement());
say(confinement);
await endLeftovers(recordsDirectory, log);
const supervised = superviseProcess({
  launch: { command, workingDirectory: directory, uid, reaches, hides },
  confinement, recordsDirectory, variables: async () => variables, healthPath: "/", log, onState: say,
});
process.stdin.resume().on("end", async () => { await supervised.stop(); process.exit(0); });
`;

/** The processes whose command line holds this text, but for shells and wrappers that only name it. */
export function processesNamed(text: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0").includes(text);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Whether whoever runs the tests may make what keeps applications' processes together. */
export async function kernelMakesNamespaces(): Promise<boolean> {
  return (await probeConfinement()).way === "namespaces";
}
