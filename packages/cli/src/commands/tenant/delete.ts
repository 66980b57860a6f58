import type { OperationReply, TenantReply } from "@tenantry/contract";
import type { Command } from "commander";
import { path } from "../../api/path.ts";
import { type Context, contextOf, defineCommand, overApi } from "../../command.ts";
import { confirmByTyping } from "../../confirm.ts";
import { followOperation } from "../../follow/follow.ts";
import { distance, visibleLine } from "../../output/text.ts";
import { wrongUsage } from "../../problem.ts";
import { tellStarted } from "../started.ts";

type DeleteOptions = { now?: boolean; yes?: boolean; wait?: boolean };

export function deleteCommand(): Command {
  const command = defineCommand("delete", {
    summary: "delete a tenant with all its data",
    details:
      "Its hosts answer 410 at once. The data goes when the grace period ends; until then `tenantry tenant resume` undoes it. Asks to type the slug.",
    examples: ["tenant delete acme --yes", "tenant delete acme --now --yes --wait"],
    calls: ["showTenant", "deleteTenant", "followOperation"],
  })
    .argument("<tenant>", "its slug or id")
    .option("--now", "without a grace period: nothing can undo it")
    .option("--yes", "without asking")
    .option("--wait", "wait until it is gone; with --now");
  return overApi(command).action(remove);
}

async function remove(tenant: string, options: DeleteOptions, command: Command): Promise<void> {
  if (options.wait && !options.now) {
    throw wrongUsage(
      "--wait would wait until the grace period ends, which takes days.",
      "Leave it out, or add --now.",
    );
  }
  const context = await contextOf(command);
  const found = await fetchTenant(context, tenant);
  if (!options.yes) await confirmByTyping(question(found, options), found.slug);
  const { body: operation } = await context.client.call<OperationReply>(
    "DELETE",
    path`/v1/tenants/${found.id}`,
    {
      query: { now: options.now },
    },
  );
  if (options.wait) {
    const ended = await followOperation(context, operation.id);
    return context.output.result(ended, () => `${found.slug} is gone.`);
  }
  if (options.now) return tellStarted(context.output, operation);
  const { deleteAt } = await fetchTenant(context, found.id);
  context.output.result(operation, (_operation, { now }) =>
    [
      `${found.slug} is off the air, and gone for good at ${deleteAt} (${distance(deleteAt!, now)}).`,
      `Until then this undoes it: tenantry tenant resume ${found.slug}`,
    ].join("\n"),
  );
}

async function fetchTenant({ client }: Context, tenant: string): Promise<TenantReply> {
  return (await client.call<TenantReply>("GET", path`/v1/tenants/${tenant}`)).body;
}

function question({ slug, name }: TenantReply, { now }: DeleteOptions): string {
  const when = now ? "at once, for ever" : "once its grace period is over";
  return `This deletes ${visibleLine(name)} with all its data, ${when}. Type its slug (${slug}) to go on:`;
}
