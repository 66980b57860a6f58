import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { appCommand } from "./commands/app.ts";
import { completionCommand } from "./commands/completion.ts";
import { localCommands } from "./commands/local.ts";
import { operationCommand } from "./commands/operation.ts";
import { serverCommand } from "./commands/server.ts";
import { settingsCommand } from "./commands/settings.ts";
import { statusCommand } from "./commands/status.ts";
import { tenantCommand } from "./commands/tenant.ts";
import { userCommand } from "./commands/user.ts";
import { addSharedOptions } from "./context.ts";
import { describeError } from "./problem.ts";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};

/** Every command there is. */
export function createProgram(): Command {
  const program = new Command("tenantry")
    .description("Turns one application into a service for many tenants.")
    .version(version)
    .showHelpAfterError("(add --help for the options)")
    .showSuggestionAfterError();
  for (const command of localCommands()) program.addCommand(command);
  const overApi = [
    tenantCommand,
    userCommand,
    appCommand,
    operationCommand,
    serverCommand,
    settingsCommand,
    statusCommand,
  ];
  for (const make of overApi) program.addCommand(make());
  program.addCommand(completionCommand());
  for (const command of leaves(program)) if (!local.has(command.name())) addSharedOptions(command);
  for (const command of [program, ...everyCommand(program)]) command.exitOverride();
  return program;
}

/** Their flags are the server's own, or they take none of ours. */
const local = new Set(["up", "serve", "doctor", "completion"]);

/** Runs one command line; answers the exit code: 0 done, 1 refused or failed, 2 wrong usage. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync(argv);
    return Number(process.exitCode ?? 0);
  } catch (error) {
    // Commander has said what is wrong, or has shown the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    process.stderr.write(`${describeError(error, argv.includes("--json"))}\n`);
    return 1;
  }
}

function everyCommand(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...everyCommand(child)]);
}

function leaves(command: Command): Command[] {
  return everyCommand(command).filter((child) => child.commands.length === 0);
}
