import type { Command } from "commander";
import { defineCommand } from "../../command.ts";
import { addServerFlags, serverArguments } from "./server-flags.ts";
import { runEntry } from "./server-process.ts";

export function serveCommand(): Command {
  const command = defineCommand("serve", {
    summary: "run some roles of an installation over DATABASE_URL",
    details: "Any number of processes and machines may share a database. Logs to standard error.",
    examples: ["serve --role api,worker", "serve --role gateway --gateway-host 0.0.0.0"],
  }).requiredOption("--role <roles>", "api, worker, gateway, joined by commas");
  return addServerFlags(command).action(async ({ role }: { role: string }, self: Command) => {
    process.exitCode = await runEntry("serve", ["--role", role, ...serverArguments(self)]);
  });
}

export function doctorCommand(): Command {
  const command = defineCommand("doctor", {
    summary: "look for what is wrong with an installation, and say how to mend it",
    details: "Exit code 1 when something is a problem. Give the flags that the installation is started with.",
    examples: ["doctor", "doctor --data-dir /var/lib/tenantry --json"],
  }).option("--json", "print JSON, for programs");
  return addServerFlags(command).action(async ({ json }: { json?: boolean }, self: Command) => {
    process.exitCode = await runEntry("doctor/main", [...serverArguments(self), ...(json ? ["--json"] : [])]);
  });
}
