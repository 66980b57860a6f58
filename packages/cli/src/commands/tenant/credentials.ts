import type { CredentialsReply } from "@tenantry/contract";
import type { Command } from "commander";
import { path } from "../../api/path.ts";
import { contextOf, defineCommand, overApi, wholeNumber } from "../../command.ts";
import { confirm } from "../../confirm.ts";
import { wrongUsage } from "../../problem.ts";

type Options = {
  environment: string;
  show?: boolean;
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
      "tenant credentials acme --show --json",
      "tenant credentials acme --rotate --overlap 600",
      "tenant credentials acme --revoke --yes",
    ],
    calls: ["showCredentials", "ensureCredentials", "rotateCredentials", "revokeCredentials"],
  })
    .argument("<tenant>", "its slug or id")
    .option("--environment <name>", "which of its environments", "production")
    .option("--show", "show the login that there is; make none")
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
  if ([options.show, options.rotate, options.revoke].filter(Boolean).length > 1)
    throw wrongUsage("One thing at a time.", "Give one of --show, --rotate and --revoke.");
  if (options.overlap !== undefined && !options.rotate)
    throw wrongUsage("There is nothing to overlap.", "Give --rotate as well.");
  const { client, output } = await contextOf(command);
  const target = path`/v1/tenants/${tenant}/environments/${options.environment}/credentials`;
  if (options.revoke) {
    if (!options.yes) await confirm(`End the database login of ${tenant}? Programs that use it lose it.`);
    await client.call("DELETE", target);
    return output.result({ revoked: tenant }, () => `${tenant} has no database login any more.`);
  }
  const body = { overlapSeconds: options.overlap ?? 0 };
  const { body: reply } = options.rotate
    ? await client.call<CredentialsReply>("POST", `${target}/rotate`, { body })
    : await client.call<CredentialsReply>(options.show ? "GET" : "PUT", target);
  // The URL alone on standard output, so that a shell can take it.
  output.result(reply, ({ url }) => url);
  for (const note of notesOn(reply)) output.note(note);
}

function notesOn({ open, schema, previous }: CredentialsReply): string[] {
  const notes = previous.map(({ user, expiresAt }) => `${user} stays good until ${expiresAt}.`);
  if (schema !== "public") notes.push(`The tables are in the schema ${schema}.`);
  if (!open) notes.push("It lets nobody in now: the tenant isn't active.");
  return notes;
}
