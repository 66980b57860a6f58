import type { TenantReply } from "@tenantry/contract";
import type { Command } from "commander";
import { path } from "../../api/path.ts";
import { collect, contextOf, defineCommand, overApi } from "../../command.ts";
import { requireChange } from "../require-change.ts";
import { showTenant } from "./reads.ts";

type UpdateOptions = {
  slug?: string;
  name?: string;
  plan?: string;
  region?: string;
  group?: string[];
  parent?: string;
  visibleToParent?: boolean;
  timezone?: string;
  language?: string;
  logoUrl?: string;
};

export function updateCommand(): Command {
  const command = defineCommand("update", {
    summary: "change what a tenant is called and how it is sorted",
    details: "What isn't named stays as it is.",
    examples: [
      'tenant update acme --name "Acme Incorporated" --plan ""',
      "tenant update acme --slug acme-inc",
      "tenant update acme --parent globex --visible-to-parent",
    ],
    calls: ["updateTenant"],
  })
    .argument("<tenant>", "its slug or id")
    .option("--slug <slug>", "moves its hosts; the old ones redirect for 30 days")
    .option("--name <name>", "what people call it")
    .option("--plan <plan>", 'the plan it is on; "" for none')
    .option("--region <region>", 'where its data lies; "" for nowhere in particular')
    .option("--group <group>", 'the groups it belongs to (repeatable); "" for none', collect)
    .option("--parent <tenant>", 'the tenant it belongs to, by its slug or id; "" for none')
    .option(
      "--visible-to-parent",
      "the parent's admins see that it is there; another parent is to be told anew",
    )
    .option("--no-visible-to-parent", "they don't see it any more")
    .option("--timezone <name>", "such as Europe/Berlin")
    .option("--language <tag>", "such as pt-BR")
    .option("--logo-url <url>", 'where its logo is; "" for none');
  return overApi(command).action(update);
}

async function update(tenant: string, options: UpdateOptions, command: Command): Promise<void> {
  const { client, output } = await contextOf(command);
  const { slug, name, timezone, language } = options;
  const body = {
    ...{ slug, name, timezone, language },
    plan: emptyAsNull(options.plan),
    region: emptyAsNull(options.region),
    parentId: emptyAsNull(options.parent),
    visibleToParent: options.visibleToParent,
    logoUrl: emptyAsNull(options.logoUrl),
    groups: options.group?.filter((one) => one !== ""),
  };
  requireChange(body, command);
  output.result(
    (await client.call<TenantReply>("PATCH", path`/v1/tenants/${tenant}`, { body })).body,
    showTenant,
  );
}

function emptyAsNull(value: string | undefined): string | null | undefined {
  return value === "" ? null : value;
}

const verbs = {
  suspend: "take a tenant off the air: its hosts answer 503",
  deactivate: 'suspend a tenant for the reason "deactivated"',
  resume: "put a tenant back on the air, or undo its deletion within the grace",
  activate: "the same as resume",
};

export function statusCommands(): Command[] {
  return Object.entries(verbs).map(([verb, summary]) => {
    const command = defineCommand(verb, {
      summary,
      examples: [
        verb === "suspend" ? 'tenant suspend acme --reason "unpaid since May"' : `tenant ${verb} acme`,
      ],
      calls: [`${verb}Tenant`],
    }).argument("<tenant>", "its slug or id");
    if (verb === "suspend")
      command.option("--reason <text>", "why; shown to whoever asks. With over_quota visitors are told so");
    return overApi(command).action(async (tenant: string, { reason }: { reason?: string }, self: Command) => {
      const { client, output } = await contextOf(self);
      const body = reason === undefined ? undefined : { reason };
      const target = `${path`/v1/tenants/${tenant}`}/${verb}`;
      const { body: changed } = await client.call<TenantReply>("POST", target, { body });
      output.result(changed, ({ slug, status }) => `${slug} is ${status}.`);
    });
  });
}
