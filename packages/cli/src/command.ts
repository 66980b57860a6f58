import { Command, InvalidArgumentError } from "commander";
import { type Client, createClient } from "./api/client.ts";
import { findInstallation, type Installation, type InstallationFlags } from "./installation.ts";
import { createOutput, type Output } from "./output/output.ts";

export type Facts = {
  /** In a line, for lists of commands. */
  summary: string;
  /** More, where a line isn't enough. */
  details?: string;
  /** Command lines that work, without the leading `tenantry`. */
  examples: readonly [string, ...string[]];
  /** The operations of the API's description that it calls, by their ids. */
  calls?: readonly string[];
};

const factsOf = new WeakMap<Command, Facts>();

/** A command that does something, with what its help and the reference say of it. */
export function defineCommand(name: string, facts: Facts): Command {
  const command = new Command(name)
    .summary(facts.summary)
    .description(facts.details ? `${sentence(facts.summary)} ${facts.details}` : sentence(facts.summary));
  const examples = facts.examples.map((example) => `  $ tenantry ${example}`).join("\n");
  command.addHelpText("after", `\nExamples:\n${examples}`);
  factsOf.set(command, facts);
  return command;
}

/** A command that holds others. */
export function defineGroup(name: string, summary: string, commands: readonly Command[]): Command {
  const group = new Command(name).summary(summary).description(sentence(summary));
  for (const command of commands) group.addCommand(command);
  return group;
}

/** What was said of a command; undefined for a group. */
export function factsFor(command: Command): Facts | undefined {
  return factsOf.get(command);
}

function sentence(summary: string): string {
  return `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
}

/** The options of a command that speaks to an installation. */
export function overApi(command: Command): Command {
  return command
    .optionsGroup("Installation and output:")
    .option("--url <url>", "the installation's API; else TENANTRY_URL, else the nearest .tenantry/")
    .option("--api-key <key>", "an operator's key; else TENANTRY_API_KEY, else the nearest .tenantry/")
    .option("--data-dir <dir>", "where the installation keeps its data; else TENANTRY_DATA_DIR")
    .option("--json", "print JSON, for programs");
}

export type Context = { client: Client; output: Output; installation: Installation };

/** What a command over the API works with. */
export async function contextOf(command: Command): Promise<Context> {
  const options = command.opts<InstallationFlags & { json?: boolean }>();
  const installation = await findInstallation(options);
  const client = createClient(installation);
  return { client, output: createOutput(options.json ?? false), installation };
}

/** Gathers an option that may be given several times. */
export function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

/** Reads a whole number within its bounds. */
export function wholeNumber(from: number, to: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d+$/.test(text) && number >= from && number <= to) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${from} to ${to}.`);
  };
}
