import type { ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Api, createApi } from "./api.ts";
import { type CommandOptions, type Finished, finish, runTenantry, spawnTenantry } from "./command.ts";
import { eventually } from "./eventually.ts";
import { type Asking, ask, type Reply } from "./http.ts";
import { killAll, type ProcessInfo, processOf, treeOf } from "./process-tree.ts";
import { databaseUrl, query } from "./registry.ts";
import { watchOver } from "./watchdog.ts";

export type Operator = {
  url: string;
  gatewayUrl: string;
  gatewayTlsUrl: string;
  apiKey: string;
  databaseUrl: string;
};

export type InstallationOptions = {
  /** Added to `tenantry up`. */
  flags?: readonly string[];
  environment?: Record<string, string>;
  /** A program, with its arguments, to run `tenantry up` by. */
  wrapper?: readonly string[];
};

/** A real installation in processes of its own, started and spoken to as people do. */
export class Installation {
  /** Removed at the end, with all that is in it. */
  readonly directory: string;
  readonly dataDir: string;
  readonly api: Api;
  readonly #options: InstallationOptions;
  readonly #stopWatching: () => void;
  #child: ChildProcess | undefined;
  #finished: Promise<Finished> | undefined;

  constructor(options: InstallationOptions = {}) {
    this.#options = options;
    this.directory = mkdtempSync(path.join(tmpdir(), "tenantry-e2e-"));
    this.dataDir = path.join(this.directory, "data");
    this.#stopWatching = watchOver(this.directory);
    this.api = createApi(() => this.operator);
  }

  /** What `tenantry up` left for scripts: where things are at this moment. */
  get operator(): Operator {
    return JSON.parse(readFileSync(path.join(this.dataDir, "operator.json"), "utf8")) as Operator;
  }

  get gatewayPort(): number {
    return Number(new URL(this.operator.gatewayUrl).port);
  }

  /** Of the registry's database, as its server's superuser. */
  get registryUrl(): string {
    const { databaseUrl: url } = this.operator;
    return this.#options.environment?.DATABASE_URL ? url : databaseUrl(url, "tenantry");
  }

  /** The process that holds everything, below the command that started it. */
  get mainPid(): number {
    return (JSON.parse(readFileSync(path.join(this.dataDir, "lock"), "utf8")) as { pid: number }).pid;
  }

  /** Starts it, or starts it again, on its data directory; resolves when it says that it is running. */
  async start(): Promise<void> {
    const flags = ["--data-dir", this.dataDir, "--api-port", "0", "--gateway-port", "0"];
    this.#child = spawnTenantry(["up", ...flags, ...(this.#options.flags ?? [])], this.#options);
    this.#finished = finish(this.#child);
    let said = "";
    this.#child.stdout!.on("data", (text: string) => {
      said += text;
    });
    const failed = this.#finished.then(({ code, stderr }) => {
      throw new Error(`It ended with code ${code} instead of running: ${stderr}`);
    });
    failed.catch(() => undefined);
    await Promise.race([
      eventually("it says that it is running", () => said.includes("Ctrl-C stops everything")),
      failed,
    ]);
  }

  /** Running, whatever a test before (or the first try of this one) left: started anew unless it answers. */
  async revive(): Promise<void> {
    if (this.#child?.exitCode === null && (await this.#answers())) return;
    if (this.#child) await this.kill();
    await this.start();
  }

  async #answers(): Promise<boolean> {
    try {
      const { ok } = await fetch(`${this.operator.url}/readyz`, { signal: AbortSignal.timeout(5_000) });
      return ok;
    } catch {
      return false;
    }
  }

  /** Everything that runs for this installation, the command that started it first. */
  processes(): ProcessInfo[] {
    return this.#child?.pid === undefined ? [] : treeOf(this.#child.pid);
  }

  /** As Ctrl-C in a terminal does: the signal goes to the whole foreground group. Answers what was said until the end. */
  async interrupt(): Promise<Finished> {
    process.kill(-this.#child!.pid!, "SIGINT");
    return this.#finished!;
  }

  /** `kill -9` of every process at once, as far as that is possible: nobody gets to tidy up. Answers who that was. */
  async kill(): Promise<ProcessInfo[]> {
    const tree = this.#freeze();
    await killAll(tree);
    await this.#finished;
    return tree;
  }

  /** `kill -9` of the main process alone; what it started has to notice. Answers everyone who ran before. */
  async killMain(): Promise<ProcessInfo[]> {
    const tree = this.processes();
    await killAll([processOf(this.mainPid)!]);
    await this.#finished;
    return tree;
  }

  /** Who starts others stands still first, so that nobody is born while we count. */
  #freeze(): ProcessInfo[] {
    for (const { pid, command } of this.processes()) {
      if (pid === this.#child!.pid || command.includes("entry/up.ts")) process.kill(pid, "SIGSTOP");
    }
    return this.processes();
  }

  /** Runs `tenantry …` against this installation. */
  command(args: readonly string[], options: CommandOptions = {}): Promise<Finished> {
    return runTenantry([...args, "--data-dir", this.dataDir], options);
  }

  /** What visitors of `slug`'s own host see. */
  visit(slug: string, pathname = "/", asking?: Asking): Promise<Reply> {
    return ask(this.gatewayPort, slug.includes(".") ? slug : `${slug}.localhost`, pathname, asking);
  }

  /** One statement in the registry. */
  sql<Row extends Record<string, unknown>>(text: string, values?: unknown[]): Promise<Row[]> {
    return query<Row>(this.registryUrl, text, values);
  }

  /** Ends whatever still runs and removes all files. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child?.exitCode === null && this.#child.signalCode === null) await this.kill();
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5 });
    this.#stopWatching();
  }
}

/** A running installation of this test's own. Dispose of it at the end. */
export async function startInstallation(options: InstallationOptions = {}): Promise<Installation> {
  const installation = new Installation(options);
  try {
    await installation.start();
    return installation;
  } catch (error) {
    await installation[Symbol.asyncDispose]();
    throw error;
  }
}
