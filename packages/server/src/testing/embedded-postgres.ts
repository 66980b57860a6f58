import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import pg from "pg";
import type { EmbeddedPostgres, EmbeddedPostgresOptions } from "../infra/postgres-process/index.ts";
import { clusterTemplate } from "./cluster-template.ts";
import { waitUntil } from "./wait-until.ts";

/** A logger that keeps what it is told: `events` holds the names, `fieldsOf` the fields of the first one of a name. */
export function recordingLog() {
  const entries: { event: string; fields: Record<string, unknown> }[] = [];
  const record = (fields: Record<string, unknown>, event: string) => {
    entries.push({ event, fields });
  };
  return {
    log: { info: record, warn: record, error: record } as unknown as EmbeddedPostgresOptions["log"],
    events: () => entries.map(({ event }) => event),
    fieldsOf: (event: string) => entries.find((entry) => entry.event === event)?.fields,
  };
}

const children = new Map<string, ChildProcess[]>();

/** A new directory below the temporary one. Disposing of it ends the processes that were left on it. */
export async function dataDirectory(name = "data"): Promise<{ path: string } & AsyncDisposable> {
  const parent = await mkdtemp(path.join(tmpdir(), "tenantry-embedded-"));
  const directory = path.join(parent, name);
  return {
    path: directory,
    async [Symbol.asyncDispose]() {
      for (const child of children.get(directory) ?? []) child.kill("SIGKILL");
      await killServers(directory);
      await rm(parent, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Such a directory with a cluster in it already, a copy of the one that test servers share: saves a second of initdb. */
export async function directoryWithCluster(name?: string): Promise<{ path: string } & AsyncDisposable> {
  const [directory, template] = await Promise.all([dataDirectory(name), clusterTemplate()]);
  await mkdir(directory.path, { mode: 0o700 });
  const sources = ["cluster", "password"].map((entry) => path.join(template.directory, entry));
  await promisify(execFile)("cp", ["-a", "--reflink=auto", ...sources, directory.path]);
  return directory;
}

/** The number in postmaster.pid, or undefined. */
export async function postmasterPid(dataDir: string): Promise<number | undefined> {
  const text = await readFile(path.join(dataDir, "cluster", "postmaster.pid"), "utf8").catch(() => "");
  return Number(text.split("\n")[0]) || undefined;
}

/** Whether anyone may make user namespaces here; some containers and systems refuse, and other ways are tested then. */
export async function namespacesAllowed(): Promise<boolean> {
  const other = process.getuid?.() === 0 ? ["--reuid", "54321", "--regid", "54321", "--clear-groups"] : [];
  return promisify(execFile)("setpriv", [...other, "--", "unshare", "--user", "true"]).then(
    () => true,
    () => false,
  );
}

/** Whether a cluster is being made in this data directory, and is neither at its beginning nor done. */
export async function initdbIsAtWork(dataDir: string): Promise<boolean> {
  const names = await readdir(dataDir, { recursive: true }).catch(() => []);
  return names.some((name) => /unfinished-\w+\/base\/1\//.test(name));
}

/** Ends every process that was started with this directory on its command line. */
async function killServers(dataDir: string): Promise<void> {
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number)) {
    const commandLine = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (pid === process.pid || !commandLine.includes(dataDir)) continue;
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      // It ended by itself in the meantime.
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
    await waitUntil("the server is gone", () => isDead(pid));
  }
}

/** Whether the process is gone, or only waits for a parent that never asks how it ended. */
export async function isDead(pid: number): Promise<boolean> {
  if (!existsSync(`/proc/${pid}`)) return true;
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "State:\tZ");
  return /^State:\t[ZX]/m.test(status);
}

/** Runs one statement as the superuser and returns its rows. */
export async function query<Row>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

export type ChildServer = {
  child: ChildProcess;
  postgres: Pick<EmbeddedPostgres, "url" | "pid" | "port" | "adopted">;
  kill(): Promise<void>;
};

export type ChildOptions = {
  options?: Partial<EmbeddedPostgresOptions>;
  uid?: number;
  gid?: number;
  /** A command that runs the child, such as one that limits it. */
  wrapper?: readonly string[];
  /** The program and the front door to run, when not this tree's. */
  node?: string;
  source?: string;
};

/** Spawns a process that starts the server in `dataDir` and then waits to be killed; its first line says how it went. */
export function spawnStart(dataDir: string, childOptions: ChildOptions = {}) {
  const { options, uid, gid, wrapper = [], node = process.execPath, source } = childOptions;
  const index = source ?? path.join(import.meta.dirname, "../infra/postgres-process/index.ts");
  const script = `
    const { startEmbeddedPostgres } = await import(${JSON.stringify(index)});
    const log = { info() {}, warn() {}, error() {} };
    const options = { log, ...JSON.parse(process.argv[1]) };
    const say = (value) => console.log(JSON.stringify(value));
    try { const { url, pid, port, adopted } = await startEmbeddedPostgres(options); say({ url, pid, port, adopted }); }
    catch ({ code, message, stack }) { say({ code, message, stack }); process.exit(1); }
    setInterval(() => {}, 1000);`;
  const [program = node, ...first] = [...wrapper, node];
  const child = spawn(
    program,
    [...first, "--input-type=module", "-e", script, JSON.stringify({ ...options, dataDir })],
    { stdio: ["ignore", "pipe", "inherit"], cwd: "/", uid, gid },
  );
  children.set(dataDir, [...(children.get(dataDir) ?? []), child]);
  return child;
}

/** Starts the server in another process and waits until it is up. A refusal is thrown with the child's words. */
export async function startInChild(dataDir: string, childOptions: ChildOptions = {}): Promise<ChildServer> {
  const child = spawnStart(dataDir, childOptions);
  const exited = once(child, "exit");
  const [line] = await once(createInterface(child.stdout), "line");
  const answer = JSON.parse(line);
  if (!answer.url) throw Object.assign(new Error(answer.stack), answer);
  return {
    child,
    postgres: answer,
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
