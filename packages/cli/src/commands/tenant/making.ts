import type { OperationReply, TenantReply } from "@tenantry/contract";
import { type Command, Option } from "commander";
import { path } from "../../api/path.ts";
import { cacheLevels, databaseLevels, storageLevels } from "../../choices.ts";
import type { Context } from "../../command.ts";
import { readSecret } from "../../confirm.ts";
import { followOperation } from "../../follow/follow.ts";
import { wrongUsage } from "../../problem.ts";
import { tellStarted } from "../started.ts";

/** What every way to make a tenant takes: how it is kept apart, who is its first user, whether to wait. */
export type MakingOptions = {
  level?: string;
  cache?: string;
  storage?: string;
  adminEmail?: string;
  adminPassword?: string;
  wait?: boolean;
};

export function addLevelOptions(command: Command): Command {
  return command
    .addOption(new Option("--level <level>", "how its database is kept apart").choices(databaseLevels))
    .addOption(new Option("--cache <level>", "how its cache is kept apart").choices(cacheLevels))
    .addOption(new Option("--storage <level>", "how its files are kept apart").choices(storageLevels));
}

/** @param whose what the admin's address does */
export function addAdminOptions(command: Command, whose: string): Command {
  return command
    .option("--admin-email <address>", whose)
    .option(
      "--admin-password <password>",
      "the admin's; - reads it from standard input; else TENANTRY_ADMIN_PASSWORD, else asked for",
    );
}

export function isolationOf({ level: database, storage, cache }: MakingOptions) {
  return (database || storage || cache) && { database, storage, cache };
}

export function checkAdmin({ adminEmail, adminPassword }: MakingOptions): void {
  if (adminPassword !== undefined && adminEmail === undefined)
    throw wrongUsage("An admin's password needs an admin.", "Give --admin-email as well.");
}

/** The first user, whose password may be asked for. */
export async function adminOf({ adminEmail: email, adminPassword: given }: MakingOptions) {
  if (!email) return undefined;
  const [variable, flag] = ["TENANTRY_ADMIN_PASSWORD", "--admin-password"];
  return { email, password: await readSecret({ given, variable, flag, question: "The admin's password" }) };
}

/** Says where to look, or follows the operation to its end and shows the tenant that it made. */
export async function tellMade(
  context: Context,
  operation: OperationReply,
  { wait }: MakingOptions,
): Promise<void> {
  if (!wait) return tellStarted(context.output, operation);
  await followOperation(context, operation.id);
  const address = path`/v1/tenants/${operation.tenantId!}`;
  const { body: made } = await context.client.call<TenantReply>("GET", address);
  context.output.result(
    made,
    (tenant) => `${tenant.slug} is ${tenant.status}: ${tenant.environments[0]?.url}`,
  );
}
