import type { OperationReply } from "@tenantry/contract";
import { type Command, Option } from "commander";
import { presets } from "../../choices.ts";
import { collect, contextOf, defineCommand, overApi } from "../../command.ts";
import { parseSettings } from "../../settings.ts";
import {
  addAdminOptions,
  addLevelOptions,
  adminOf,
  checkAdmin,
  isolationOf,
  type MakingOptions,
  tellMade,
} from "./making.ts";

type CreateOptions = MakingOptions & {
  name: string;
  app?: string;
  plan?: string;
  region?: string;
  group?: string[];
  parent?: string;
  visibleToParent?: boolean;
  preset?: string;
  template?: string | false;
  timezone?: string;
  language?: string;
  logoUrl?: string;
  clientId?: string;
  setting?: string[];
  domain?: string[];
};

export function createCommand(): Command {
  const command = defineCommand("create", {
    summary: "make a tenant",
    details:
      "Its slug is the first part of its address: 3 to 50 lower-case letters, digits and single hyphens.",
    examples: [
      'tenant create acme --name "Acme Ltd" --wait',
      "tenant create initech --name Initech --template agency --wait",
      "tenant create globex --name Globex --app notes --admin-email ann@globex.example --admin-password -",
    ],
    calls: ["createTenant", "followOperation", "showTenant"],
  });
  return overApi(
    addIsolationOptions(addOptions(command.argument("[slug]", "made from --client-id when left out"))),
  ).action(create);
}

function addOptions(command: Command): Command {
  command
    .requiredOption("--name <name>", "what people call it")
    .option("--app <app>", "the application it runs; the setting defaultApp when left out");
  return addAdminOptions(command, "makes its first user, an admin")
    .option("--plan <plan>", "the plan it is on")
    .option("--group <group>", "a group it belongs to (repeatable)", collect)
    .option(
      "--parent <tenant>",
      "the tenant it belongs to, by its slug or id; it inherits plan, settings and logo from it",
    )
    .option("--visible-to-parent", "the parent's admins see that it is there; nothing more comes of it")
    .option("--template <name>", "what it is made from, at its newest revision or at name@revision")
    .option("--no-template", "made from none, not even from its application's default")
    .option("--timezone <name>", "such as Europe/Berlin; UTC when left out")
    .option("--language <tag>", "such as pt-BR; en when left out")
    .option("--logo-url <url>", "where its logo is")
    .option("--client-id <id>", "the id another system knows it by")
    .option("--setting <key=value>", "a setting of the tenant (repeatable)", collect)
    .option("--domain <hostname>", "a domain of its own, claimed with it (repeatable)", collect)
    .option("--wait", "wait until it is active, and show how far it is");
}

function addIsolationOptions(command: Command): Command {
  return addLevelOptions(command)
    .addOption(new Option("--preset <preset>", "how all of it is kept apart").choices(presets))
    .option("--region <region>", "where its data lies");
}

async function create(slug: string | undefined, options: CreateOptions, command: Command): Promise<void> {
  checkAdmin(options);
  const context = await contextOf(command);
  const body = await requestBody(slug, options);
  const { body: operation } = await context.client.call<OperationReply>("POST", "/v1/tenants", { body });
  await tellMade(context, operation, options);
}

async function requestBody(
  slug: string | undefined,
  options: CreateOptions,
): Promise<Record<string, unknown>> {
  const { name, app, plan, region, preset, timezone, language, logoUrl, clientId } = options;
  return {
    ...{ slug, name, app, plan, region, preset, timezone, language, logoUrl, clientId },
    groups: options.group,
    parentId: options.parent,
    visibleToParent: options.visibleToParent,
    template: options.template === false ? null : options.template,
    isolation: isolationOf(options),
    admin: await adminOf(options),
    settings: options.setting && parseSettings(options.setting),
    domains: options.domain,
  };
}
