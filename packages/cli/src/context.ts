import type { Command } from "commander";
import { type Client, createClient } from "./client.ts";
import { findInstallation, type InstallationFlags } from "./installation.ts";
import { createOutput, type Output } from "./output.ts";

export type Context = { client: Client; output: Output };

/** What a command works with, from the options it shares with all others. */
export async function contextOf(command: Command): Promise<Context> {
  const options = command.optsWithGlobals<InstallationFlags & { json?: boolean }>();
  return {
    client: createClient(await findInstallation(options)),
    output: createOutput(options.json ?? false),
  };
}

/** The options of every command that speaks to an installation. */
export function addSharedOptions(command: Command): Command {
  return command
    .option("--url <url>", "the installation's API; else TENANTRY_URL, else the nearest .tenantry/")
    .option("--api-key <key>", "the operator's key; else TENANTRY_API_KEY, else the nearest .tenantry/")
    .option("--data-dir <dir>", "where the installation keeps its data")
    .option("--json", "print what programs read");
}
