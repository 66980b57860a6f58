import type { OperationReply, TenantReply } from "@tenantry/contract";
import type { Command } from "commander";
import { path } from "../../api/path.ts";
import { contextOf, defineCommand, overApi } from "../../command.ts";
import {
  addAdminOptions,
  addLevelOptions,
  adminOf,
  checkAdmin,
  isolationOf,
  type MakingOptions,
  tellMade,
} from "./making.ts";

type CloneOptions = MakingOptions & {
  name?: string;
  parent?: string | false;
  files: boolean;
  users?: boolean;
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
  command.option("--name <name>", "what people call it; the source's name with (copy) when left out");
  addLevelOptions(command)
    .option("--parent <tenant>", "the tenant it belongs to; the source's when left out")
    .option("--no-parent", "it belongs to nobody")
    .option("--no-files", "leave the files behind")
    .option("--users", "copy the users, too, with their passwords");
  return addAdminOptions(command, "makes its first user, an admin, where the source's stay behind").option(
    "--wait",
    "wait until it is active, and show how far it is",
  );
}

async function clone(source: string, slug: string, options: CloneOptions, command: Command): Promise<void> {
  checkAdmin(options);
  const context = await contextOf(command);
  const { client } = context;
  const name =
    options.name ??
    `${(await client.call<TenantReply>("GET", path`/v1/tenants/${source}`)).body.name} (copy)`;
  const body = {
    ...{ slug, name },
    isolation: isolationOf(options),
    parentId: options.parent === false ? null : options.parent,
    include: { storage: options.files, users: options.users ?? false },
    admin: await adminOf(options),
  };
  const address = path`/v1/tenants/${source}/clone`;
  const { body: operation } = await client.call<OperationReply>("POST", address, { body });
  await tellMade(context, operation, options);
}
