import type { MaintenanceRequest, TenantReply } from "@tenantry/contract";
import type { Command } from "commander";
import { path } from "../../api/path.ts";
import { contextOf, defineCommand, defineGroup, overApi, wholeNumber } from "../../command.ts";

type Options = { environment: string; message?: string; retryAfter?: number };

/** `tenantry tenant maintenance …` */
export function maintenanceCommand(): Command {
  return defineGroup("maintenance", "close a tenant's site for maintenance, and open it again", [
    onCommand(),
    offCommand(),
  ]);
}

function onCommand(): Command {
  const command = defineCommand("on", {
    summary: "close a tenant's site for maintenance: its hosts answer 503",
    details:
      "Nobody is logged out, and the application gets at none of the tenant's data meanwhile. Again with another message, that is shown.",
    examples: [
      "tenant maintenance on acme",
      'tenant maintenance on acme --message "Back at 6 pm" --retry-after 3600',
    ],
    calls: ["startMaintenance"],
  })
    .argument("<tenant>", "its slug or id")
    .option("--message <text>", "what visitors are told; public")
    .option("--retry-after <seconds>", "when programs are told to come again", wholeNumber(1, 604_800));
  return overApi(addEnvironment(command)).action(
    async (tenant: string, options: Options, self: Command): Promise<void> => {
      const body: MaintenanceRequest = { message: options.message, retryAfterSeconds: options.retryAfter };
      await send(self, "PUT", tenant, options, body);
    },
  );
}

function offCommand(): Command {
  const command = defineCommand("off", {
    summary: "open a tenant's site after its maintenance",
    examples: ["tenant maintenance off acme"],
    calls: ["endMaintenance"],
  }).argument("<tenant>", "its slug or id");
  return overApi(addEnvironment(command)).action(
    async (tenant: string, options: Options, self: Command): Promise<void> =>
      send(self, "DELETE", tenant, options),
  );
}

function addEnvironment(command: Command): Command {
  return command.option("--environment <name>", "which of its environments", "production");
}

async function send(
  command: Command,
  method: "PUT" | "DELETE",
  tenant: string,
  { environment }: Options,
  body?: MaintenanceRequest,
): Promise<void> {
  const { client, output } = await contextOf(command);
  const target = path`/v1/tenants/${tenant}/environments/${environment}/maintenance`;
  const { body: changed } = await client.call<TenantReply>(method, target, { body });
  output.result(changed, (shown) => describe(shown, environment));
}

function describe({ slug, status, environments }: TenantReply, name: string): string {
  const site = name === "production" ? slug : `${slug} (${name})`;
  const found = environments.find((environment) => environment.name === name);
  // What visitors see is the worse of the two.
  const meanwhile = status === "active" ? "" : ` The tenant is ${status} besides.`;
  const state = found?.status === "maintenance" ? "closed for maintenance" : "open";
  return `${site} is ${state}.${meanwhile}`;
}
