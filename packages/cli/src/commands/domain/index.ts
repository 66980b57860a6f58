import type { DomainReply, LookedUpDomain } from "@tenantry/contract";
import type { Command } from "commander";
import { addPageOptions, fetchPages, noteMore, type PageOptions } from "../../api/pages.ts";
import { path } from "../../api/path.ts";
import { contextOf, defineCommand, defineGroup, overApi, wholeNumber } from "../../command.ts";
import { confirm } from "../../confirm.ts";
import { listDomains, showDomain, tellHolder } from "./show.ts";
import { waitUntilActive } from "./wait.ts";

/** `tenantry domain …`: hostnames of tenants' own. */
export function domainCommand(): Command {
  return defineGroup("domain", "the domains that tenants have of their own", [
    addCommand(),
    listCommand(),
    showCommand(),
    lookUpCommand(),
    verifyCommand(),
    removeCommand(),
  ]);
}

type ProofOptions = { verified?: boolean; wait?: boolean; timeout: number };

function addProofOptions(command: Command): Command {
  return command
    .option("--verified", "you vouch for it: no record in DNS is asked for, now or later")
    .option("--wait", "wait until it leads to the tenant")
    .option("--timeout <seconds>", "with --wait: for how long", wholeNumber(1, 86_400), 300);
}

function addCommand(): Command {
  const command = defineCommand("add", {
    summary: "claim a hostname for a tenant",
    details:
      "It leads to the tenant as soon as one of the records that are printed stands in DNS; that is noticed by itself.",
    examples: [
      "domain add acme www.acme.com",
      "domain add acme www.acme.com --wait --timeout 3600",
      "domain add acme shop.test --verified",
    ],
    calls: ["addDomain", "showDomain"],
  })
    .argument("<tenant>", "its slug or id")
    .argument("<hostname>", "such as www.acme.com")
    .option("--environment <name>", "which of its environments it leads to", "production");
  return overApi(addProofOptions(command)).action(add);
}

async function add(
  tenant: string,
  hostname: string,
  options: ProofOptions & { environment: string },
  self: Command,
): Promise<void> {
  const context = await contextOf(self);
  const { environment, verified } = options;
  const { body: added } = await context.client.call<DomainReply>(
    "POST",
    path`/v1/tenants/${tenant}/domains`,
    {
      body: { hostname, environment, verified },
    },
  );
  context.output.result(options.wait ? await waitUntilActive(context, added, options) : added, showDomain);
}

function listCommand(): Command {
  const command = defineCommand("list", {
    summary: "list a tenant's domains",
    examples: ["domain list acme"],
    calls: ["listDomains"],
  }).argument("<tenant>", "its slug or id");
  return overApi(addPageOptions(command)).action(
    async (tenant: string, options: PageOptions, self: Command) => {
      const { client, output } = await contextOf(self);
      const page = await fetchPages<DomainReply>(client, path`/v1/tenants/${tenant}/domains`, options);
      output.result(page, listDomains);
      noteMore(output, page);
    },
  );
}

function showCommand(): Command {
  const command = defineCommand("show", {
    summary: "show a domain, and which DNS records it lacks",
    examples: ["domain show acme www.acme.com"],
    calls: ["showDomain"],
  });
  return overApi(addWhich(command)).action(
    async (tenant: string, domain: string, _options: object, self: Command) => {
      const { client, output } = await contextOf(self);
      output.result((await client.call<DomainReply>("GET", addressOf(tenant, domain))).body, showDomain);
    },
  );
}

function lookUpCommand(): Command {
  const command = defineCommand("look-up", {
    summary: "look whether a hostname can be a tenant's, and who has it",
    examples: ["domain look-up www.acme.com"],
    calls: ["lookUpDomain"],
  })
    .argument("<hostname>", "such as www.acme.com")
    .option("--verified", "you would vouch for it: then public DNS needn't have it");
  return overApi(command).action(
    async (hostname: string, { verified }: { verified?: boolean }, self: Command) => {
      const { client, output } = await contextOf(self);
      const target = path`/v1/domains/${hostname}`;
      const { body } = await client.call<LookedUpDomain>("GET", target, { query: { verified } });
      output.result(body, tellHolder);
    },
  );
}

function verifyCommand(): Command {
  const command = defineCommand("verify", {
    summary: "look at DNS for a domain now, or vouch for it",
    details: "Ends with exit code 1 when the domain doesn't lead to the tenant afterwards.",
    examples: ["domain verify acme www.acme.com", "domain verify acme www.acme.com --verified --wait"],
    calls: ["verifyDomain", "showDomain"],
  });
  return overApi(addProofOptions(addWhich(command))).action(
    async (tenant: string, domain: string, options: ProofOptions, self: Command) => {
      const context = await contextOf(self);
      const { body } = await context.client.call<DomainReply>("POST", `${addressOf(tenant, domain)}/verify`, {
        body: { verified: options.verified },
      });
      const shown = options.wait ? await waitUntilActive(context, body, options) : body;
      context.output.result(shown, showDomain);
      if (shown.status !== "active") process.exitCode = 1;
    },
  );
}

function removeCommand(): Command {
  const command = defineCommand("remove", {
    summary: "take a domain from a tenant: it leads nowhere any more",
    examples: ["domain remove acme www.acme.com --yes"],
    calls: ["removeDomain"],
  });
  return overApi(addWhich(command).option("--yes", "without asking")).action(
    async (tenant: string, domain: string, { yes }: { yes?: boolean }, self: Command) => {
      const { client, output } = await contextOf(self);
      if (!yes)
        await confirm(`Take ${domain} from ${tenant}? Visitors don't find the tenant there any more.`);
      await client.call("DELETE", addressOf(tenant, domain));
      output.result({ removed: domain }, () => `${domain} was removed.`);
    },
  );
}

function addWhich(command: Command): Command {
  return command.argument("<tenant>", "its slug or id").argument("<domain>", "its hostname or id");
}

const addressOf = (tenant: string, domain: string) => path`/v1/tenants/${tenant}/domains/${domain}`;
