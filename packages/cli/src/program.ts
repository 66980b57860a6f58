import { readFileSync } from "node:fs";
import { Command } from "commander";
import { appCommand } from "./commands/app/index.ts";
import { applyCommand } from "./commands/apply/index.ts";
import { cacheCommand } from "./commands/cache.ts";
import { certificateCommand } from "./commands/certificate.ts";
import { completionCommand } from "./commands/completion.ts";
import { domainCommand } from "./commands/domain/index.ts";
import { eventCommand } from "./commands/event.ts";
import { exportCommand } from "./commands/export.ts";
import { isolationCommand } from "./commands/isolation/index.ts";
import { keyCommand } from "./commands/key.ts";
import { doctorCommand, downCommand, logsCommand, serveCommand, upCommand } from "./commands/local/index.ts";
import { migrateCommand } from "./commands/migrate.ts";
import { operationCommand } from "./commands/operation.ts";
import { schemaCommand } from "./commands/schema.ts";
import { scriptCommand } from "./commands/script.ts";
import { serverCommand } from "./commands/server.ts";
import { settingsCommand } from "./commands/settings.ts";
import { statusCommand } from "./commands/status.ts";
import { storageCommand } from "./commands/storage.ts";
import { templateCommand } from "./commands/template/index.ts";
import { tenantCommand } from "./commands/tenant/index.ts";
import { userCommand } from "./commands/user.ts";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};

/** Every command there is. A wrong command line is thrown as a `CommanderError`; nothing ends the process. */
export function createProgram(): Command {
  const program = new Command("tenantry")
    .description("Turns one application into a service for many tenants.")
    .version(version)
    .addHelpText(
      "after",
      '\nStart here: tenantry up, then tenantry tenant create acme --name "Acme Ltd" --wait',
    );
  program.commandsGroup("Run an installation:");
  for (const make of [upCommand, downCommand, statusCommand, logsCommand, doctorCommand, serveCommand]) {
    program.addCommand(make());
  }
  program.commandsGroup("Work with one:");
  const overApi = [
    tenantCommand,
    applyCommand,
    exportCommand,
    templateCommand,
    userCommand,
    domainCommand,
    appCommand,
    migrateCommand,
    scriptCommand,
    operationCommand,
    serverCommand,
    cacheCommand,
    storageCommand,
    schemaCommand,
    isolationCommand,
    settingsCommand,
    keyCommand,
    certificateCommand,
    eventCommand,
  ];
  for (const make of overApi) program.addCommand(make());
  program.commandsGroup("More:");
  program.addCommand(completionCommand());
  program.helpCommand("help [command]", "show what a command does and takes");
  for (const command of everyCommand(program)) {
    command
      .exitOverride()
      .helpOption("-h, --help", "show this")
      .showSuggestionAfterError()
      .configureHelp({ showGlobalOptions: false })
      .configureOutput({ outputError: () => undefined });
  }
  return program;
}

/** A command and all below it. */
export function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}

/** `tenantry tenant create`, of the command `create`. */
export function fullName(command: Command): string {
  return command.parent ? `${fullName(command.parent)} ${command.name()}` : command.name();
}
