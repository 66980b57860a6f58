import path from "node:path";
import { type Command, Option } from "commander";
import { defineCommand, wholeNumber } from "../../command.ts";
import { lookOf } from "../../output/look.ts";
import { refusal } from "../../problem.ts";
import { dataDirOf } from "./data-dir.ts";
import { readTail, type Tail } from "./log-file.ts";
import { followLog } from "./log-follower.ts";
import { isWanted, type LogFilter, logLevels, showLogLine } from "./log-lines.ts";

type LogsOptions = LogFilter & { lines: number; follow?: boolean; dataDir?: string; json?: boolean };

export function logsCommand(): Command {
  return defineCommand("logs", {
    summary: "show the log, applications' output included",
    details: "Of an installation on this machine that was started with `tenantry up`.",
    examples: ["logs --follow", "logs --app notes -n 20", "logs --level warn --json"],
  })
    .option("-n, --lines <number>", "how many lines", wholeNumber(0, 1_000_000), 100)
    .option("-f, --follow", "go on showing what comes")
    .option("--app <app>", "what one application wrote, and what became of its processes")
    .addOption(new Option("--level <level>", "this important or more").choices(logLevels))
    .option(
      "--data-dir <dir>",
      "where the installation keeps its files; else TENANTRY_DATA_DIR, else .tenantry",
    )
    .option("--json", "the log as it is: a JSON document a line")
    .action(showLogs);
}

async function showLogs({ lines, follow, dataDir, json, ...filter }: LogsOptions): Promise<void> {
  const file = path.join(dataDirOf(dataDir), "logs", "tenantry.log");
  const look = lookOf(process.stdout);
  const print = (line: string) => process.stdout.write(`${json ? line : showLogLine(line, look)}\n`);
  const tail = await read(file, lines, (line) => isWanted(line, filter));
  tail.lines.forEach(print);
  if (!follow) return;
  for await (const line of followLog(file, tail.end, new AbortController().signal)) {
    if (isWanted(line, filter)) print(line);
  }
}

async function read(file: string, lines: number, wanted: (line: string) => boolean): Promise<Tail> {
  try {
    return await readTail(file, lines, wanted);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw refusal("file_unreadable", `The log ${file} can't be read (${code}).`, {
      remedy: "Was anything started here with `tenantry up`? --data-dir says where it lies.",
      cause: error,
    });
  }
}
