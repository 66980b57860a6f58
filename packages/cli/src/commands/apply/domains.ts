import type { DomainReply, LookedUpDomain, SettingReply } from "@tenantry/contract";
import type { Client } from "../../api/client.ts";
import { fetchPages } from "../../api/pages.ts";
import { path } from "../../api/path.ts";
import { type DomainStep, domainSteps, type StandingDomain } from "../../manifest/domains.ts";
import type { Refusal, TenantPlan } from "../../manifest/plan.ts";
import type { DeclaredTenant } from "../../manifest/schema.ts";
import { CliError, isRefusal } from "../../problem.ts";

/** All domains of a tenant. */
export async function fetchDomains(client: Client, tenant: string): Promise<DomainReply[]> {
  const target = path`/v1/tenants/${tenant}/domains`;
  return (await fetchPages<DomainReply>(client, target, { all: true })).items;
}

/** Claims, vouches for and takes away, by the steps. Repeatable, also beside somebody who does the same. */
export async function changeDomains(
  client: Client,
  tenant: string,
  steps: readonly DomainStep[],
): Promise<void> {
  for (const { hostname, from, to } of steps) {
    const stays = from !== undefined && from.environment === to?.environment;
    if (from && !stays) await remove(client, tenant, hostname);
    if (!to) continue;
    await atItem(to.index, async () => {
      if (!stays) await claim(client, tenant, to);
      else await vouchFor(client, tenant, hostname);
    });
  }
}

async function claim(client: Client, tenant: string, to: NonNullable<DomainStep["to"]>): Promise<void> {
  const { hostname, environment, isVouchedFor } = to;
  const body = { hostname, environment, ...(isVouchedFor ? { verified: true } : {}) };
  try {
    await client.call("POST", path`/v1/tenants/${tenant}/domains`, { body });
  } catch (error) {
    if (!isRefusal(error, "domain_taken")) throw error;
    // Somebody else who applies the same was quicker, or it is another tenant's.
    const own = (await fetchDomains(client, tenant)).find((one) => one.hostname === hostname);
    if (own?.environment !== environment) throw error;
    if (isVouchedFor) await vouchFor(client, tenant, hostname);
  }
}

async function vouchFor(client: Client, tenant: string, hostname: string): Promise<void> {
  const target = path`/v1/tenants/${tenant}/domains/${hostname}/verify`;
  await client.call("POST", target, { body: { verified: true } });
}

/** As the API names what is refused within the request for a tenant. */
async function atItem(index: number, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const { problem } = error;
    const message = problem.detail ?? problem.title;
    throw new CliError({ ...problem, errors: [{ pointer: `/domains/${index}`, message }] }, { cause: error });
  }
}

async function remove(client: Client, tenant: string, hostname: string): Promise<void> {
  try {
    await client.call("DELETE", path`/v1/tenants/${tenant}/domains/${hostname}`);
  } catch (error) {
    // Somebody else who applies the same was quicker.
    if (!isRefusal(error, "domain_not_found")) throw error;
  }
}

const domainField = /^domains\./;

/** The domains that a plan has added and that wait for a record in DNS. */
export async function fetchWaiting(client: Client, { slug, changes }: TenantPlan): Promise<DomainReply[]> {
  const added = changes.filter(({ field, to }) => domainField.test(field) && to !== null);
  if (added.length === 0) return [];
  const names = new Set(added.map(({ field }) => field.replace(domainField, "")));
  return (await fetchDomains(client, slug)).filter(
    ({ hostname, status }) => status === "pending" && names.has(hostname),
  );
}

/** Why domains can't be added as things stand, unless a file turns `customDomains` on somewhere. */
export async function refusedDomains(
  client: Client,
  { slug, parent }: DeclaredTenant,
  { actions, changes }: TenantPlan,
): Promise<Refusal[]> {
  const added = changes.filter(
    ({ field, from, to }) => domainField.test(field) && from === null && to !== null,
  );
  if (added.length === 0) return [];
  const isNew = actions.includes("create");
  // Below another parent it may be on.
  if (!isNew && changes.some(({ field }) => field === "parent")) return [];
  if (await allowsDomains(client, isNew ? parent : slug)) return [];
  const names = added.map(({ field }) => field.replace(domainField, "")).join(", ");
  return [
    {
      field: "domains",
      reason: `The setting customDomains is off: ${names} can't be added.`,
      remedy: "Turn it on, for the installation or for the tenant (`settings: { customDomains: true }`).",
    },
  ];
}

/** Which of a tenant's new domains can't be its: names that are refused, and those that another tenant has proven. */
export async function impossibleDomains(
  client: Client,
  { slug, domains }: DeclaredTenant,
  existing: readonly StandingDomain[] | undefined,
): Promise<Refusal[]> {
  const refusals: Refusal[] = [];
  for (const { hostname, to } of domainSteps(domains, existing)) {
    if (!to) continue;
    const why = await whyNot(client, { slug, hostname, isVouchedFor: to.isVouchedFor });
    if (why) refusals.push({ field: `domains[${to.index}]`, ...why });
  }
  return refusals;
}

async function whyNot(
  client: Client,
  { slug, hostname, isVouchedFor }: { slug: string; hostname: string; isVouchedFor: boolean },
): Promise<Pick<Refusal, "reason" | "remedy"> | undefined> {
  const target = path`/v1/domains/${hostname}`;
  const query = { verified: isVouchedFor || undefined };
  try {
    const { holder } = (await client.call<LookedUpDomain>("GET", target, { query })).body;
    if (!holder || holder.slug === slug) return undefined;
    return {
      reason: `${holder.slug} has proven that ${hostname} is its own.`,
      remedy: `Take it away there first: \`tenantry domain remove ${holder.slug} ${hostname}\`.`,
    };
  } catch (error) {
    if (!isRefusal(error, "domain_refused")) throw error;
    const { detail, title, remedy = "" } = error.problem;
    return { reason: detail ?? title, remedy };
  }
}

async function allowsDomains(client: Client, tenant: string | null | undefined): Promise<boolean> {
  const target = tenant ? path`/v1/tenants/${tenant}/settings` : "/v1/settings";
  try {
    const { items } = (await client.call<{ items: SettingReply[] }>("GET", target)).body;
    return items.find(({ key }) => key === "customDomains")?.value !== false;
  } catch (error) {
    // A parent that is yet to be made, and has what the installation has.
    if (tenant && isRefusal(error, "tenant_not_found")) return allowsDomains(client, null);
    throw error;
  }
}
