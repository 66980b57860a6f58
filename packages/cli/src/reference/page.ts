import type { Argument, Command, Option } from "commander";
import { factsFor } from "../command.ts";
import { createProgram, everyCommand, fullName } from "../program.ts";

/** docs/reference/cli.md, from the commands themselves. */
export function cliPage(): string {
  const program = createProgram();
  const commands = everyCommand(program).filter((command) => command.commands.length === 0);
  return `${[intro, index(commands), shared(commands), ...commands.map(section)].join("\n\n")}\n`;
}

const intro = `# The command \`tenantry\`

<!-- Written by \`npm run reference\` from the code: change it there. -->

Run it as \`npx tenantry …\` in this folder, or put \`node_modules/.bin\` into your PATH.

It looks for the installation in the flags \`--url\` and \`--api-key\`, then in the variables \`TENANTRY_URL\` and \`TENANTRY_API_KEY\`, then in \`--data-dir\` or \`TENANTRY_DATA_DIR\`, then in the nearest \`.tenantry/\` upwards. The key in a data directory is sent to the address beside it alone, and the one in \`TENANTRY_API_KEY\` only where something was named for it: \`TENANTRY_URL\`, \`--url\`, or a data directory. With \`TENANTRY_URL\` set it goes to that address alone, and it never goes to a \`.tenantry/\` that just lies near. What lies near counts only where its \`operator.json\` is your own, root's, or under sudo yours: whoever may write to a directory above would be told your passwords otherwise. Name it with \`--data-dir\` if it is the one that you mean.

| Exit code | Means |
| --- | --- |
| 0 | done |
| 1 | refused or failed |
| 2 | wrong usage: the command line itself has a mistake |
| 3 | something would change: of \`tenantry apply --dry-run --exit-code\` alone |

With \`--json\`, standard output holds one JSON document and nothing else; what fails is a [problem document](errors.md) on standard error. Without it, progress, questions and hints go to standard error, results to standard output. Colours stop with \`NO_COLOR\`, and where the output isn't a terminal; nothing is shortened there either.

Passwords and URLs with passwords are taken from standard input by \`-\`, or from a variable, so that they needn't stand in the shell's history. They are never printed.

\`tenantry completion bash|zsh|fish\` teaches your shell to complete commands, flags, and the names of tenants, applications and the rest: \`eval "$(tenantry completion bash)"\`.`;

function index(commands: readonly Command[]): string {
  const rows = commands.map((command) => {
    const name = fullName(command);
    return [`[\`${name}\`](#${name.replaceAll(" ", "-")})`, command.summary()];
  });
  return table(["Command", "What it does"], rows);
}

const sharedHeading = "Installation and output:";

function shared(commands: readonly Command[]): string {
  const options = commands
    .flatMap((command) => command.options)
    .filter(isShared)
    .filter((option, at, all) => all.findIndex(({ long }) => long === option.long) === at);
  return `Every command over the API takes these as well:\n\n${optionTable(options)}`;
}

function isShared(option: Option): boolean {
  return option.helpGroupHeading === sharedHeading;
}

function section(command: Command): string {
  const facts = factsFor(command)!;
  const own = command.options.filter((option) => !isShared(option));
  const parts = [
    `## ${fullName(command)}`,
    command.description(),
    `    ${fullName(command)} ${command.usage()}`,
    argumentTable(command.registeredArguments),
    own.length > 0 ? optionTable(own) : "",
    ["```sh", ...facts.examples.map((example) => `tenantry ${example}`), "```"].join("\n"),
    facts.calls ? `Asks the API for ${facts.calls.map((id) => `\`${id}\``).join(", ")}.` : "",
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

function argumentTable(all: readonly Argument[]): string {
  if (all.length === 0) return "";
  const rows = all.map((one) => {
    const name = one.variadic ? `${one.name()}...` : one.name();
    return [one.required ? `\`<${name}>\`` : `\`[${name}]\``, withChoices(one.description, one.argChoices)];
  });
  return table(["Argument", "What it is"], rows);
}

function optionTable(all: readonly Option[]): string {
  return table(
    ["Option", "What it is"],
    all.map((option) => [
      `\`${option.flags}\``,
      [
        option.mandatory ? "Needed: " : "",
        withChoices(option.description, option.argChoices),
        defaultOf(option),
      ].join(""),
    ]),
  );
}

function withChoices(description: string, choices: readonly string[] | undefined): string {
  if (!choices) return description;
  return [description, choices.map((choice) => `\`${choice}\``).join(", ")].filter(Boolean).join(": ");
}

function defaultOf({ defaultValue }: Option): string {
  return defaultValue === undefined ? "" : `; \`${String(defaultValue)}\` when left out`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
