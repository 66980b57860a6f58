import { isCancel, text } from "@clack/prompts";
import type { OperationReply, TenantReply } from "@tenantry/contract";
import { Command } from "commander";
import { type Context, contextOf } from "../context.ts";
import { followOperation } from "../follow.ts";
import { collect, parseSettings } from "../options.ts";
import { fields, table } from "../output.ts";
import { addPageOptions, type PageOptions, pageThrough } from "../pages.ts";
import { CliError } from "../problem.ts";

const tenantPath = (tenant: string, rest = "") => `/v1/tenants/${encodeURIComponent(tenant)}${rest}`;

/** `tenantry tenant …` */
export function tenantCommand(): Command {
  const tenant = new Command("tenant").description(
    "make tenants, look at them, change, suspend and delete them",
  );
  addCreate(tenant);
  addReads(tenant);
  addUpdate(tenant);
  addStatusChanges(tenant);
  addDelete(tenant);
  return tenant;
}

type CreateOptions = {
  name: string;
  app?: string;
  plan?: string;
  region?: string;
  group?: string[];
  parent?: string;
  preset?: string;
  level?: string;
  timezone?: string;
  language?: string;
  logoUrl?: string;
  clientId?: string;
  adminEmail?: string;
  adminPassword?: string;
  setting?: string[];
  wait?: boolean;
};

function addCreate(parent: Command): void {
  parent
    .command("create")
    .argument("[slug]", "its subdomain; derived from --client-id when left out")
    .description("make a tenant")
    .requiredOption("--name <name>", "what people call it")
    .option("--app <app>", "the application it runs")
    .option("--plan <plan>")
    .option("--region <region>")
    .option("--group <group>", "a group it belongs to (repeatable)", collect)
    .option("--parent <tenant>", "the tenant it belongs to")
    .option("--preset <preset>", "soft, medium or hard")
    .option("--level <level>", "the database level: shared, schema, database, dedicated or sqlite")
    .option("--timezone <name>", "such as Europe/Berlin")
    .option("--language <tag>", "such as en")
    .option("--logo-url <url>")
    .option("--client-id <id>", "the id another system knows it by")
    .option("--admin-email <address>", "makes its first user, an admin")
    .option(
      "--admin-password <password>",
      "the admin's password; TENANTRY_ADMIN_PASSWORD keeps it out of the history",
    )
    .option("--setting <key=value>", "a setting of the tenant (repeatable)", collect)
    .option("--wait", "wait until it is active")
    .action(async (slug: string | undefined, options: CreateOptions, command: Command) => {
      const context = await contextOf(command);
      const body = createBody(slug, options);
      const { body: operation } = await context.client.call<OperationReply>("POST", "/v1/tenants", { body });
      if (!options.wait) return tellStarted(context, operation);
      await followOperation(context.client, operation.id, context.output);
      const { body: made } = await context.client.call<TenantReply>("GET", tenantPath(operation.tenantId!));
      context.output.result(
        made,
        (tenant) => `${tenant.slug} is ${tenant.status}: ${tenant.environments[0]?.url}`,
      );
    });
}

function createBody(slug: string | undefined, options: CreateOptions): Record<string, unknown> {
  const password = options.adminPassword ?? process.env.TENANTRY_ADMIN_PASSWORD;
  if (options.adminEmail && !password) {
    throw new CliError("An admin needs a password.", {
      remedy: "Give --admin-password or TENANTRY_ADMIN_PASSWORD.",
    });
  }
  return {
    slug,
    name: options.name,
    app: options.app,
    plan: options.plan,
    region: options.region,
    groups: options.group,
    parentId: options.parent,
    preset: options.preset,
    isolation: options.level && { database: options.level },
    timezone: options.timezone,
    language: options.language,
    logoUrl: options.logoUrl,
    clientId: options.clientId,
    admin: options.adminEmail && { email: options.adminEmail, password },
    settings: options.setting && parseSettings(options.setting),
  };
}

function tellStarted({ output }: Context, operation: OperationReply): void {
  output.result(operation, ({ id }) => `Started. Follow it with: tenantry operation watch ${id}`);
}

function addReads(parent: Command): void {
  addPageOptions(parent.command("list"))
    .description("list tenants, newest first")
    .option("--search <text>", "part of the slug or the name")
    .option("--status <status>")
    .option("--app <app>")
    .option("--group <group>")
    .action(async (options: PageOptions & Record<string, string>, command: Command) => {
      const { client, output } = await contextOf(command);
      const { search, status, app, group } = options;
      const page = await pageThrough<TenantReply>(client, "/v1/tenants", options, {
        search,
        status,
        app,
        group,
      });
      output.result(page, ({ items }) =>
        table(
          ["slug", "name", "status", "app", "address"],
          items.map((tenant) => [
            tenant.slug,
            tenant.name,
            tenant.status,
            tenant.app,
            tenant.environments[0]?.url,
          ]),
        ),
      );
    });
  parent
    .command("show")
    .argument("<tenant>", "its slug or id")
    .description("show a tenant and where it lives")
    .action(async (tenant: string, _options: object, command: Command) => {
      const { client, output } = await contextOf(command);
      output.result((await client.call<TenantReply>("GET", tenantPath(tenant))).body, showTenant);
    });
}

export function showTenant(tenant: TenantReply): string {
  const own = fields([
    ["Slug", tenant.slug],
    ["Id", tenant.id],
    ["Name", tenant.name],
    ["Status", tenant.statusReason ? `${tenant.status} (${tenant.statusReason})` : tenant.status],
    ["Deleted at", tenant.deleteAt],
    ["Application", tenant.app],
    ["Client id", tenant.clientId],
    ["Plan", tenant.plan],
    ["Region", tenant.region],
    ["Groups", tenant.groups.join(", ")],
    ["Parent", tenant.parentId],
    ["Timezone", tenant.timezone],
    ["Language", tenant.language],
    ["Logo", tenant.logoUrl],
    ["Created", tenant.createdAt],
  ]);
  const environments = tenant.environments.map((environment) => [
    environment.name,
    environment.status,
    environment.url,
    `${environment.placements.database?.level ?? "-"} on ${environment.placements.database?.server ?? "-"}`,
  ]);
  return `${own}\n\n${table(["environment", "status", "address", "database"], environments)}`;
}

function addUpdate(parent: Command): void {
  parent
    .command("update")
    .argument("<tenant>", "its slug or id")
    .description("change what a tenant is called and how it is sorted")
    .option("--slug <slug>", "moves its hosts; the old ones redirect for 30 days")
    .option("--name <name>")
    .option("--plan <plan>", 'or "" for none')
    .option("--region <region>", 'or "" for none')
    .option("--group <group>", 'the groups it belongs to (repeatable; "" for none)', collect)
    .option("--timezone <name>")
    .option("--language <tag>")
    .option("--logo-url <url>", 'or "" for none')
    .action(
      async (tenant: string, options: Record<string, string> & { group?: string[] }, command: Command) => {
        const { client, output } = await contextOf(command);
        const { group, slug, name, timezone, language } = options;
        const orNull = (value: string | undefined) => (value === "" ? null : value);
        const body = {
          slug,
          name,
          timezone,
          language,
          plan: orNull(options.plan),
          region: orNull(options.region),
          logoUrl: orNull(options.logoUrl),
          groups: group?.filter((one) => one !== ""),
        };
        output.result(
          (await client.call<TenantReply>("PATCH", tenantPath(tenant), { body })).body,
          showTenant,
        );
      },
    );
}

function addStatusChanges(parent: Command): void {
  const verbs = [
    ["suspend", "take a tenant off the air: its hosts answer 503"],
    ["deactivate", 'suspend a tenant for the reason "deactivated"'],
    ["resume", "put a tenant back on the air, or undo its deletion within the grace"],
    ["activate", "the same as resume"],
  ] as const;
  for (const [verb, description] of verbs) {
    const command = parent.command(verb).argument("<tenant>", "its slug or id").description(description);
    if (verb === "suspend") command.option("--reason <text>", "why");
    command.action(async (tenant: string, options: { reason?: string }, self: Command) => {
      const { client, output } = await contextOf(self);
      const body = options.reason === undefined ? undefined : { reason: options.reason };
      const { body: changed } = await client.call<TenantReply>("POST", tenantPath(tenant, `/${verb}`), {
        body,
      });
      output.result(changed, ({ slug, status }) => `${slug} is ${status}.`);
    });
  }
}

function addDelete(parent: Command): void {
  parent
    .command("delete")
    .argument("<tenant>", "its slug or id")
    .description("delete a tenant; until its grace period ends, resume undoes it")
    .option("--now", "without a grace period")
    .option("--yes", "without asking")
    .option("--wait", "wait until it is gone (with --now)")
    .action(
      async (tenant: string, options: { now?: boolean; yes?: boolean; wait?: boolean }, command: Command) => {
        const context = await contextOf(command);
        const { body: found } = await context.client.call<TenantReply>("GET", tenantPath(tenant));
        if (!options.yes) await askForSlug(found);
        const query = { now: options.now };
        const { body: operation } = await context.client.call<OperationReply>(
          "DELETE",
          tenantPath(found.id),
          { query },
        );
        if (!options.wait) return tellStarted(context, operation);
        const ended = await followOperation(context.client, operation.id, context.output);
        context.output.result(ended, () => `${found.slug} is gone.`);
      },
    );
}

async function askForSlug({ slug, name }: TenantReply): Promise<void> {
  if (!process.stdin.isTTY) {
    throw new CliError("Deleting asks for the slug, and there is nobody to ask.", { remedy: "Add --yes." });
  }
  const typed = await text({
    message: `This deletes ${name} with all its data. Type its slug (${slug}) to go on:`,
  });
  if (isCancel(typed) || typed !== slug) throw new CliError("Nothing was deleted: that wasn't the slug.");
}
