import type { CredentialsReply } from "@tenantry/contract";
import type { Command } from "commander";
import type { Client } from "../../api/client.ts";
import { path } from "../../api/path.ts";
import { contextOf, defineCommand, overApi, wholeNumber } from "../../command.ts";
import { confirm } from "../../confirm.ts";
import { CliError, wrongUsage } from "../../problem.ts";

type Options = {
  environment: string;
  rotate?: boolean;
  overlap?: number;
  revoke?: boolean;
  yes?: boolean;
};

/** `tenantry tenant credentials`: the URL of a tenant's database, for programs in any language. */
export function credentialsCommand(): Command {
  const command = defineCommand("credentials", {
    summary: "a database URL for programs in any language: psql, ORMs, reports",
    details:
      "Made at the first call, the same from then on. It reaches this environment alone, and reads and writes rows. Not while the tenant is suspended.",
    examples: [
      "tenant credentials acme",
      "tenant credentials acme --rotate --overlap 600",
      "tenant credentials acme --revoke --yes",
    ],
    calls: ["showCredentials", "ensureCredentials", "rotateCredentials", "revokeCredentials"],
  })
    .argument("<tenant>", "its slug or id")
    .option("--environment <name>", "which of its environments", "production")
    .option("--rotate", "make another login; the one before ends at once, with its connections")
    .option(
      "--overlap <seconds>",
      "with --rotate: how long the one before stays good",
      wholeNumber(0, 86_400),
    )
    .option("--revoke", "end it: nobody gets in by it any more")
    .option("--yes", "without asking");
  return overApi(command).action(
    async (tenant: string, options: Options, self: Command): Promise<void> => act(self, tenant, options),
  );
}

async function act(command: Command, tenant: string, options: Options): Promise<void> {
  if (options.rotate && options.revoke)
    throw wrongUsage("A login can be rotated or revoked.", "Give --rotate or --revoke.");
  if (options.overlap !== undefined && !options.rotate)
    throw wrongUsage("There is nothing to overlap.", "Give --rotate as well.");
  const { client, output } = await contextOf(command);
  const target = path`/v1/tenants/${tenant}/environments/${options.environment}/credentials`;
  if (options.revoke) {
    if (!options.yes) await confirm(`End the database login of ${tenant}? Programs that use it lose it.`);
    await client.call("DELETE", target);
    return output.result({ revoked: tenant }, () => `${tenant} has no database login any more.`);
  }
  const reply = options.rotate
    ? await rotate(client, target, options.overlap)
    : await showOrMake(client, target);
  // The URL alone on standard output, so that a shell can take it.
  output.result(reply, ({ url }) => url);
  for (const note of notesOn(reply)) output.note(note);
}

async function rotate(client: Client, target: string, overlapSeconds = 0): Promise<CredentialsReply> {
  const { body } = await client.call<CredentialsReply>("POST", `${target}/rotate`, {
    body: { overlapSeconds },
  });
  return body;
}

/** Looks first, which takes less than making: no right to write, and no turn behind other operations. */
async function showOrMake(client: Client, target: string): Promise<CredentialsReply> {
  try {
    return (await client.call<CredentialsReply>("GET", target)).body;
  } catch (error) {
    if (!(error instanceof CliError) || error.problem.code !== "credentials_not_found") throw error;
    return (await client.call<CredentialsReply>("PUT", target)).body;
  }
}

function notesOn({ open, schema, previous }: CredentialsReply): string[] {
  const notes = previous.map(({ user, expiresAt }) => `${user} stays good until ${expiresAt}.`);
  if (schema !== "public") notes.push(`The tables are in the schema ${schema}.`);
  if (!open) notes.push("It lets nobody in now: the tenant isn't active.");
  return notes;
}
