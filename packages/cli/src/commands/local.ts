import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { createOutput } from "../output.ts";
import { CliError } from "../problem.ts";

const entry = (name: string) =>
  fileURLToPath(new URL(`../../../server/src/entry/${name}.ts`, import.meta.url));
const detachedStartMs = 60_000;

/** `tenantry up`, `serve`, `down`, `logs`, `doctor`: what runs on this machine, rather than over the API. */
export function localCommands(): Command[] {
  return [upCommand(), serveCommand(), downCommand(), logsCommand(), doctorCommand()];
}

function upCommand(): Command {
  return passThrough(
    "up",
    "run everything on this machine; flags: --data-dir, --root-domain, --api-port, --gateway-port",
  )
    .option("--detach", "in the background: stop it with `tenantry down`")
    .action(async (options: { detach?: boolean }, command: Command) => {
      if (options.detach) await upDetached(command.args);
      else process.exitCode = await runEntry("up", command.args);
    });
}

function serveCommand(): Command {
  return passThrough("serve", "run some roles over DATABASE_URL: --role api,worker,gateway").action(
    async (_options: object, command: Command) => {
      process.exitCode = await runEntry("serve", command.args);
    },
  );
}

function doctorCommand(): Command {
  return passThrough("doctor", "look for what is wrong with an installation, and say how to mend it").action(
    async (_options: object, command: Command) => {
      const { json } = command.optsWithGlobals<{ json?: boolean }>();
      process.exitCode = await runEntry("doctor/main", json ? [...command.args, "--json"] : command.args);
    },
  );
}

function downCommand(): Command {
  return new Command("down")
    .description("stop what `up` started")
    .action(async (_options: object, command: Command) => {
      const { dataDir, json } = command.optsWithGlobals<{ dataDir?: string; json?: boolean }>();
      const output = createOutput(json ?? false);
      const processId = await runningProcess(directoryOf(dataDir));
      if (processId === undefined) return output.result({ stopped: false }, () => "Nothing is running here.");
      process.kill(processId, "SIGTERM");
      while (isAlive(processId)) await delay(50);
      output.result({ stopped: true, processId }, () => "Stopped.");
    });
}

function logsCommand(): Command {
  return new Command("logs")
    .description("show the log, applications' output included")
    .option("-n, --lines <number>", "how many lines", "100")
    .option("-f, --follow", "go on showing what comes")
    .action(async (options: { lines: string; follow?: boolean }, command: Command) => {
      const { dataDir } = command.optsWithGlobals<{ dataDir?: string }>();
      const file = path.join(directoryOf(dataDir), "logs", "tenantry.log");
      const args = ["-n", options.lines, ...(options.follow ? ["-F"] : []), file];
      process.exitCode = await exitOf(spawn("tail", args, { stdio: "inherit" }));
    });
}

/** A command whose flags are the server's own, which checks them. */
function passThrough(name: string, description: string): Command {
  return new Command(name).description(description).allowUnknownOption().allowExcessArguments();
}

async function runEntry(name: string, args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [entry(name), ...args], { stdio: "inherit" });
  // A terminal sends Ctrl-C to both of us: the child ends in order, and we with it.
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  return exitOf(child);
}

async function upDetached(args: readonly string[]): Promise<void> {
  const at = args.indexOf("--data-dir");
  const directory = directoryOf(at === -1 ? undefined : args[at + 1]);
  const logs = path.join(directory, "logs");
  await mkdir(logs, { recursive: true });
  const file = path.join(logs, "up.log");
  const descriptor = openSync(file, "w");
  const child = spawn(process.execPath, [entry("up"), ...args], {
    detached: true,
    stdio: ["ignore", descriptor, descriptor],
  });
  closeSync(descriptor);
  const ended = exitOf(child);
  const deadline = Date.now() + detachedStartMs;
  while (!(await readFile(file, "utf8")).includes("Tenantry is running")) {
    const code = await Promise.race([ended, delay(50).then(() => undefined)]);
    if (code !== undefined)
      throw new CliError((await readFile(file, "utf8")).trim() || `It ended with code ${code}.`);
    if (Date.now() > deadline) throw new CliError(`It isn't ready yet. Look at ${file}.`);
  }
  child.unref();
  process.stdout.write(
    (await readFile(file, "utf8")).replace("Ctrl-C stops everything.", "`tenantry down` stops everything."),
  );
}

function exitOf(child: ReturnType<typeof spawn>): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve(signal ? 1 : (code ?? 1)));
  });
}

function directoryOf(dataDir: string | undefined): string {
  return path.resolve(dataDir ?? process.env.TENANTRY_DATA_DIR ?? ".tenantry");
}

async function runningProcess(directory: string): Promise<number | undefined> {
  const text = await readFile(path.join(directory, "lock"), "utf8").catch(() => "{}");
  const { pid } = JSON.parse(text || "{}") as { pid?: number };
  return pid !== undefined && isAlive(pid) ? pid : undefined;
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EPERM")
      throw new CliError("It runs as another user: stop it as that one.");
    return false;
  }
}
