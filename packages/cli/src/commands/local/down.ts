import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "commander";
import { defineCommand } from "../../command.ts";
import { createOutput } from "../../output/output.ts";
import { refusal } from "../../problem.ts";
import { dataDirOf, isLocked, runningProcess } from "./data-dir.ts";

const stopMs = 60_000;

export function downCommand(): Command {
  return defineCommand("down", {
    summary: "stop what `tenantry up` started, in order",
    examples: ["down", "down --data-dir /var/lib/tenantry"],
  })
    .option("--data-dir <dir>", "where it keeps its files; else TENANTRY_DATA_DIR, else .tenantry")
    .option("--json", "print JSON, for programs")
    .action(async ({ dataDir, json }: { dataDir?: string; json?: boolean }) => {
      const output = createOutput(json ?? false);
      const directory = dataDirOf(dataDir);
      const processId = await runningProcess(directory);
      if (processId === undefined) {
        return output.result({ stopped: false }, () => `Nothing is running in ${directory}.`);
      }
      await stop(processId, path.join(directory, "lock"));
      output.result({ stopped: true, processId }, () => "Stopped.");
    });
}

async function stop(processId: number, lock: string): Promise<void> {
  try {
    process.kill(processId, "SIGTERM");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EPERM") {
      throw refusal("stop_failed", `Process ${processId} runs as another user.`, {
        remedy: "Stop it as that one.",
      });
    }
    // Gone in between: that is what we wanted.
    if (code !== "ESRCH") throw error;
  }
  const deadline = Date.now() + stopMs;
  while (await isLocked(lock)) {
    if (Date.now() > deadline) {
      throw refusal("stop_failed", `Process ${processId} was told to stop and hasn't ended for a minute.`, {
        remedy: "Look at what it does with `tenantry logs`.",
      });
    }
    await delay(50);
  }
}
