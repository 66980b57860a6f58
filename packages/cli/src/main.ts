import { type Command, CommanderError } from "commander";
import { CliError, wrongUsage } from "./problem.ts";
import { createProgram, fullName } from "./program.ts";
import { reportFailure } from "./report.ts";

/** Runs one command line; answers the exit code: 0 done, 1 refused or failed, 2 wrong usage. */
export async function main(argv: readonly string[]): Promise<number> {
  const given = argv.slice(2);
  if (given[0] === "__complete") {
    const { complete } = await import("./completion/complete.ts");
    return complete(given.slice(1));
  }
  endQuietlyWithoutReader();
  const program = createProgram();
  let command: Command | undefined;
  program.hook("preAction", (_program, acting) => {
    command = acting;
  });
  try {
    await program.parseAsync(argv);
    return Number(process.exitCode ?? 0);
  } catch (error) {
    const json = given.includes("--json");
    if (!(error instanceof CommanderError)) {
      reportFailure({ error, command, json });
      return error instanceof CliError ? error.exitCode : 1;
    }
    // Help that was asked for, or that answers an unfinished command line, has been shown.
    if (error.exitCode === 0) return 0;
    if (error.code !== "commander.help")
      reportFailure({ error: asWrongUsage(error, program, given), command, json });
    return 2;
  }
}

function asWrongUsage({ message }: CommanderError, program: Command, given: readonly string[]): CliError {
  const [what = "", ...suggestion] = message
    .replace(/^error: /, "")
    .replace(/\.$/, "")
    .split("\n");
  return wrongUsage(
    [`${what.charAt(0).toUpperCase()}${what.slice(1)}.`, ...suggestion].join(" "),
    `See: ${fullName(innermost(program, given))} --help`,
  );
}

/** The command that the words lead to, as far as they do. */
function innermost(command: Command, words: readonly string[]): Command {
  const next = command.commands.find((child) => child.name() === words[0]);
  return next ? innermost(next, words.slice(1)) : command;
}

/** `tenantry … | head`: whoever reads us has enough. */
function endQuietlyWithoutReader(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit();
    throw error;
  });
}
