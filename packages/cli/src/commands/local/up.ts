import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "commander";
import { defineCommand } from "../../command.ts";
import { createOutput } from "../../output/output.ts";
import { refusal, wrongUsage } from "../../problem.ts";
import { dataDirOf } from "./data-dir.ts";
import { addServerFlags, serverArguments } from "./server-flags.ts";
import { entryFile, exitOf, runEntry } from "./server-process.ts";

const startMs = 60_000;
const ready = "Tenantry is running";

type UpOptions = { detach?: boolean; json?: boolean; dataDir?: string };

export function upCommand(): Command {
  const command = defineCommand("up", {
    summary: "run everything on this machine",
    details: "With an embedded PostgreSQL, or the one that DATABASE_URL names. Ctrl-C stops it in order.",
    examples: ["up", "up --detach --data-dir /var/lib/tenantry --root-domain apps.example.com"],
  })
    .option("--detach", "in the background; `tenantry down` stops it")
    .option("--json", "print JSON, for programs; with --detach");
  return addServerFlags(command).action(async (options: UpOptions, self: Command) => {
    if (options.detach) return upDetached(options, serverArguments(self));
    if (options.json) throw wrongUsage("--json needs --detach: otherwise there is no end to print it at.");
    process.exitCode = await runEntry("up", serverArguments(self));
  });
}

async function upDetached({ json, dataDir }: UpOptions, args: readonly string[]): Promise<void> {
  const directory = dataDirOf(dataDir);
  const file = path.join(directory, "logs", "up.log");
  await mkdir(path.dirname(file), { recursive: true });
  const descriptor = openSync(file, "w");
  const stdio = ["ignore", descriptor, descriptor] as const;
  const child = spawn(process.execPath, [entryFile("up"), ...args], { detached: true, stdio: [...stdio] });
  closeSync(descriptor);
  const text = await waitUntilReady(file, exitOf(child));
  child.unref();
  const { url, gatewayUrl } = JSON.parse(await readFile(path.join(directory, "operator.json"), "utf8")) as {
    url: string;
    gatewayUrl: string;
  };
  createOutput(json ?? false).result({ url, gatewayUrl, dataDir: directory, processId: child.pid }, () =>
    text.replace("Ctrl-C stops everything.", "`tenantry down` stops everything.").replace(/\n$/, ""),
  );
}

/** What it says of itself once it runs. */
async function waitUntilReady(file: string, ended: Promise<number>): Promise<string> {
  const deadline = Date.now() + startMs;
  for (;;) {
    const code = await Promise.race([ended, delay(50).then(() => undefined)]);
    const text = await readFile(file, "utf8");
    if (text.includes(ready) && text.endsWith("\n")) return text;
    if (code !== undefined) throw refusal("start_failed", text.trim() || `It ended with exit code ${code}.`);
    if (Date.now() > deadline) {
      throw refusal("start_failed", "It isn't ready yet, and goes on starting.", {
        remedy: `Look at ${file}.`,
      });
    }
  }
}
