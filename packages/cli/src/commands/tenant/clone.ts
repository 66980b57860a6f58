import type { OperationReply, TenantReply } from "@tenantry/contract";
import { type Command, Option } from "commander";
import { path } from "../../api/path.ts";
import { cacheLevels, databaseLevels, storageLevels } from "../../choices.ts";
import { contextOf, defineCommand, overApi } from "../../command.ts";
import { readSecret } from "../../confirm.ts";
import { followOperation } from "../../follow/follow.ts";
import { wrongUsage } from "../../problem.ts";
import { tellStarted } from "../started.ts";

type CloneOptions = {
  name?: string;
  level?: string;
  cache?: string;
  storage?: string;
  parent?: string | false;
  files: boolean;
  users?: boolean;
  adminEmail?: string;
  adminPassword?: string;
  wait?: boolean;
};

export function cloneCommand(): Command {
  const command = defineCommand("clone", {
    summary: "make a tenant like another one",
    details:
      "Its rows, settings and files are copied while the source goes on. Hosts, keys, database logins, sessions and the cache stay behind.",
    examples: [
      "tenant clone acme acme-copy --wait",
      'tenant clone acme acme-trial --name "Acme, to try things" --level schema --no-files --users',
    ],
    calls: ["showTenant", "cloneTenant", "followOperation"],
  });
  return overApi(
    addOptions(command.argument("<source>", "its slug or id").argument("<slug>", "the copy's")),
  ).action(clone);
}

function addOptions(command: Command): Command {
  return command
    .option("--name <name>", "what people call it; the source's name with (copy) when left out")
    .addOption(new Option("--level <level>", "how its database is kept apart").choices(databaseLevels))
    .addOption(new Option("--cache <level>", "how its cache is kept apart").choices(cacheLevels))
    .addOption(new Option("--storage <level>", "how its files are kept apart").choices(storageLevels))
    .option("--parent <tenant>", "the tenant it belongs to; the source's when left out")
    .option("--no-parent", "it belongs to nobody")
    .option("--no-files", "leave the files behind")
    .option("--users", "copy the users, too, with their passwords")
    .option("--admin-email <address>", "makes its first user, an admin, where the source's stay behind")
    .option(
      "--admin-password <password>",
      "the admin's; - reads it from standard input; else TENANTRY_ADMIN_PASSWORD, else asked for",
    )
    .option("--wait", "wait until it is active, and show how far it is");
}

async function clone(source: string, slug: string, options: CloneOptions, command: Command): Promise<void> {
  if (options.adminPassword !== undefined && options.adminEmail === undefined)
    throw wrongUsage("An admin's password needs an admin.", "Give --admin-email as well.");
  const context = await contextOf(command);
  const { client } = context;
  const name =
    options.name ??
    `${(await client.call<TenantReply>("GET", path`/v1/tenants/${source}`)).body.name} (copy)`;
  const { level: database, storage, cache, parent } = options;
  const body = {
    ...{ slug, name },
    isolation: (database || storage || cache) && { database, storage, cache },
    parentId: parent === false ? null : parent,
    include: { storage: options.files, users: options.users ?? false },
    admin: options.adminEmail && { email: options.adminEmail, password: await adminPassword(options) },
  };
  const { body: operation } = await client.call<OperationReply>("POST", path`/v1/tenants/${source}/clone`, {
    body,
  });
  if (!options.wait) return tellStarted(context.output, operation);
  await followOperation(context, operation.id);
  const { body: made } = await client.call<TenantReply>("GET", path`/v1/tenants/${operation.tenantId!}`);
  context.output.result(
    made,
    (tenant) => `${tenant.slug} is ${tenant.status}: ${tenant.environments[0]?.url}`,
  );
}

function adminPassword({ adminPassword: given }: CloneOptions): Promise<string> {
  const variable = "TENANTRY_ADMIN_PASSWORD";
  return readSecret({ given, variable, flag: "--admin-password", question: "The admin's password" });
}
