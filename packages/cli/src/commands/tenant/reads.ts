import type { TenantReply } from "@tenantry/contract";
import { type Command, Option } from "commander";
import { addPageOptions, fetchPages, noteMore, type PageOptions } from "../../api/pages.ts";
import { path } from "../../api/path.ts";
import { tenantStatuses } from "../../choices.ts";
import { contextOf, defineCommand, overApi } from "../../command.ts";
import type { Look } from "../../output/look.ts";
import { at, fields, state, table } from "../../output/table.ts";
import { placeOf } from "./places.ts";

type ListOptions = PageOptions & {
  search?: string;
  status?: string;
  app?: string;
  group?: string;
  parent?: string;
};

export function listCommand(): Command {
  const command = defineCommand("list", {
    summary: "list tenants, newest first",
    examples: ["tenant list", "tenant list --search acme --status suspended", "tenant list --all --json"],
    calls: ["listTenants"],
  })
    .option("--search <text>", "part of the slug or the name, or a client id")
    .addOption(new Option("--status <status>", "in this state alone").choices(tenantStatuses))
    .option("--app <app>", "those that run this application")
    .option("--group <group>", "those in this group")
    .option("--parent <tenant>", "the children of this tenant, by its slug or id");
  return overApi(addPageOptions(command)).action(list);
}

async function list(options: ListOptions, command: Command): Promise<void> {
  const { client, output } = await contextOf(command);
  const { search, status, app, group, parent } = options;
  const page = await fetchPages<TenantReply>(client, "/v1/tenants", options, {
    search,
    status,
    app,
    group,
    parent,
  });
  output.result(page, showTenants);
  noteMore(output, page);
}

function showTenants({ items }: { items: readonly TenantReply[] }, look: Look): string {
  if (items.length === 0)
    return "There are no such tenants. This makes one: tenantry tenant create <slug> --name <name>";
  const rows = items.map((tenant) => [
    tenant.slug,
    tenant.name,
    state(tenant.status),
    tenant.app,
    tenant.environments[0]?.url,
    at(tenant.createdAt),
  ]);
  return table(look, ["slug", "name", "status", "app", "address", "created"], rows);
}

export function showCommand(): Command {
  const command = defineCommand("show", {
    summary: "show a tenant and where it lives",
    examples: ["tenant show acme", "tenant show acme --json"],
    calls: ["showTenant"],
  });
  return overApi(command.argument("<tenant>", "its slug or id")).action(
    async (tenant: string, _options: object, self: Command) => {
      const { client, output } = await contextOf(self);
      output.result((await client.call<TenantReply>("GET", path`/v1/tenants/${tenant}`)).body, showTenant);
    },
  );
}

/** A tenant for people, with its environments. */
export function showTenant(tenant: TenantReply, look: Look): string {
  const own = fields(look, [
    ["Slug", tenant.slug],
    ["Id", tenant.id],
    ["Name", tenant.name],
    ["Status", state(tenant.status)],
    ["Reason", tenant.statusReason],
    ["Visitors read", tenant.environments.find(({ maintenance }) => maintenance)?.maintenance?.message],
    ["Is gone for good", at(tenant.deleteAt)],
    ["Application", tenant.app],
    ["Client id", tenant.clientId],
    ["Plan", ownOrInherited(tenant, "plan")],
    ["Region", tenant.region],
    ["Groups", tenant.groups.join(", ")],
    [
      "Parent",
      tenant.parent && `${tenant.parent}${tenant.visibleToParent ? " (its admins see this one)" : ""}`,
    ],
    ["Made from", tenant.template && `${tenant.template.name}@${tenant.template.revision}`],
    ["Timezone", tenant.timezone],
    ["Language", tenant.language],
    ["Logo", ownOrInherited(tenant, "logoUrl")],
    ["Created", at(tenant.createdAt)],
  ]);
  const kinds = ["database", "storage", "cache"] as const;
  const environments = tenant.environments.map(({ name, status, url, placements }) => [
    name,
    state(status),
    url,
    ...kinds.map((kind) => placeOf(placements, kind)),
  ]);
  return `${own}\n\n${table(look, ["environment", "status", "address", ...kinds], environments)}`;
}

function ownOrInherited(tenant: TenantReply, field: "plan" | "logoUrl"): string | null {
  const inherited = tenant.inherited[field];
  return inherited ? `${inherited.value} (from ${inherited.from})` : tenant[field];
}
