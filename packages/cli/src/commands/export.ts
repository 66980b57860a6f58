import { rename, writeFile } from "node:fs/promises";
import path from "node:path";
import type { TemplateDetailReply, TenantReply } from "@tenantry/contract";
import type { Command } from "commander";
import { fetchPages } from "../api/pages.ts";
import { path as apiPath } from "../api/path.ts";
import { type Context, collect, contextOf, defineCommand, overApi } from "../command.ts";
import { unwritable } from "../files.ts";
import { visible } from "../output/text.ts";
import { isRefusal } from "../problem.ts";
import { inParallel } from "./apply/parallel.ts";

type Options = { tenant?: string[]; output?: string };

const atOnce = 4;

/** `tenantry export` */
export function exportCommand(): Command {
  const command = defineCommand("export", {
    summary: "write tenants down as `tenantry apply` reads them",
    details:
      "All that are active or suspended, sorted by slug: the same tenants give the same text, and the text makes the same " +
      "tenants. Users, passwords and data aren't in it.",
    examples: ["export", "export -o exported.yaml", "export --tenant acme --tenant globex > two.yaml"],
    calls: ["listTenants", "showTenant", "listTenantSettings", "listDomains", "showTemplate"],
  })
    .option("--tenant <tenant>", "this one alone, by its slug or id (repeatable)", collect)
    .option("-o, --output <file>", "where to; standard output when left out");
  return overApi(command).action(write);
}

async function write(options: Options, command: Command): Promise<void> {
  const context = await contextOf(command);
  const { client, output } = context;
  const { declare, writeManifest } = await import("../manifest/write.ts");
  const { fetchOwnSettings } = await import("./apply/converge.ts");
  const { fetchDomains } = await import("./apply/domains.ts");
  const { apiVersion } = await import("../manifest/schema.ts");
  const found = await fetchTenants(context, options.tenant);
  const standing = found.filter(({ status }) => !passing.has(status));
  const left = found
    .filter(({ status }) => passing.has(status))
    .map(({ slug, status }) => `${slug} (${status})`);
  if (left.length > 0) output.note(`Left out: ${left.join(", ")}.`);
  const settingsOf = templateSettings(context);
  const tenants = await inParallel(standing, atOnce, async (tenant) =>
    declare(tenant, {
      settings: await fetchOwnSettings(client, tenant.id),
      templateSettings: await settingsOf(tenant),
      domains: await fetchDomains(client, tenant.id),
    }),
  );
  const text = writeManifest(tenants);
  if (options.output === undefined) return output.result({ apiVersion, tenants }, () => text.trimEnd());
  await writeWhole(options.output, text);
  const result = { file: options.output, tenants: tenants.length };
  output.result(result, () => visible(`${options.output} declares ${tenants.length} tenants.`));
}

/** On their way from one state to another, or to nothing. */
const passing: ReadonlySet<string> = new Set(["requested", "provisioning", "failed", "deleting", "purging"]);

async function fetchTenants(
  { client }: Context,
  named: readonly string[] | undefined,
): Promise<TenantReply[]> {
  if (!named) return (await fetchPages<TenantReply>(client, "/v1/tenants", { all: true })).items;
  const found = await inParallel([...new Set(named)], atOnce, async (tenant) => {
    return (await client.call<TenantReply>("GET", apiPath`/v1/tenants/${tenant}`)).body;
  });
  return [...new Map(found.map((tenant) => [tenant.id, tenant])).values()];
}

/** The names of the settings that a tenant's template gives to whoever is made from it; each template is asked for once. */
function templateSettings({ client }: Context): (tenant: TenantReply) => Promise<string[]> {
  const known = new Map<string, Promise<string[]>>();
  const fetched = async ({ name, revision }: { name: string; revision: number }) => {
    try {
      const target = apiPath`/v1/templates/${name}`;
      const { body } = await client.call<TemplateDetailReply>("GET", target, { query: { revision } });
      return Object.keys(body.configuration.settings ?? {});
    } catch (error) {
      // One that was deleted gives nobody anything.
      if (isRefusal(error, "template_not_found")) return [];
      throw error;
    }
  };
  return async ({ template }) => {
    if (!template) return [];
    const name = `${template.name}@${template.revision}`;
    const found = known.get(name) ?? fetched(template);
    known.set(name, found);
    return found;
  };
}

/** Whole or not at all: a file that was good isn't left half written. */
async function writeWhole(file: string, text: string): Promise<void> {
  const target = path.resolve(process.cwd(), file);
  const beside = `${target}.${process.pid}.new`;
  try {
    await writeFile(beside, text, { flag: "wx" });
    await rename(beside, target);
  } catch (cause) {
    throw unwritable(file, cause);
  }
}
