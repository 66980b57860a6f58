import { setTimeout as delay } from "node:timers/promises";
import type { IsolationRequest, OperationReply, SettingReply, TenantReply } from "@tenantry/contract";
import type { Client } from "../../api/client.ts";
import { fetchPages } from "../../api/pages.ts";
import { path } from "../../api/path.ts";
import { failureOf } from "../../follow/follow.ts";
import { watchOperation } from "../../follow/watch.ts";
import { domainSteps, standing } from "../../manifest/domains.ts";
import {
  type Existing,
  isBeingMade,
  levelsToMove,
  ownSettings,
  planTenant,
  type TenantPlan,
} from "../../manifest/plan.ts";
import { changeBody, creationBody, settingsBody } from "../../manifest/requests.ts";
import type { DeclaredTenant } from "../../manifest/schema.ts";
import { CliError, isRefusal, refusal } from "../../problem.ts";
import { changeDomains, fetchDomains } from "./domains.ts";

type Found = { existing: Existing; etag?: string | undefined };

/** A declared tenant as it stands; its settings and domains only where some are declared. */
export async function findDeclared(client: Client, declared: DeclaredTenant): Promise<Found> {
  try {
    const target = path`/v1/tenants/${declared.slug}`;
    const { body: tenant, etag } = await client.call<TenantReply>("GET", target);
    const settings = declared.settings ? await fetchOwnSettings(client, tenant.id) : {};
    const domains = declared.domains && (await fetchDomains(client, tenant.id)).map(standing);
    return { existing: { tenant, settings, domains }, etag };
  } catch (error) {
    if (isRefusal(error, "tenant_not_found")) return { existing: undefined };
    throw error;
  }
}

/** The settings of the tenant's own layer. */
export async function fetchOwnSettings(client: Client, tenantId: string): Promise<Record<string, unknown>> {
  const target = path`/v1/tenants/${tenantId}/settings`;
  return ownSettings((await client.call<{ items: SettingReply[] }>("GET", target)).body.items);
}

/**
 * Makes a tenant what it is declared to be, by the plan that was shown: where somebody has changed it since, it is
 * refused and left as it is, unless it is as declared by then. Repeatable: what is done already isn't done again.
 */
export async function converge(client: Client, declared: DeclaredTenant, shown: TenantPlan): Promise<void> {
  try {
    if (shown.actions.includes("create")) await create(client, declared);
    else await changeAsShown(client, declared, shown);
  } catch (error) {
    if (!(error instanceof CliError) || !(await becomesAsDeclared(client, declared, error))) throw error;
  }
}

/** What we are refused when somebody else was quicker. */
const othersCodes: readonly (string | undefined)[] = [
  "changed_meanwhile",
  "slug_taken",
  "precondition_failed",
];
/** How long whoever was quicker is given to do the rest. */
const patienceMs = 2_000;

/** Somebody else, who applies the same at the same time, may have done what we were refused, or be about to. */
async function becomesAsDeclared(
  client: Client,
  declared: DeclaredTenant,
  error: CliError,
): Promise<boolean> {
  const until = Date.now() + (othersCodes.includes(error.problem.code) ? patienceMs : 0);
  for (;;) {
    if (await isAsDeclared(client, declared)) return true;
    if (Date.now() >= until) return false;
    await delay(100);
  }
}

async function create(client: Client, declared: DeclaredTenant): Promise<void> {
  try {
    const body = creationBody(declared);
    const { body: operation } = await client.call<OperationReply>("POST", "/v1/tenants", { body });
    await waitForEnd(client, operation.id);
  } catch (error) {
    // Somebody else who applies the same has begun to make it.
    if (!isRefusal(error, "slug_taken")) throw error;
    const { existing } = await findDeclared(client, declared);
    if (!existing) throw error;
    if (!isBeingMade(existing.tenant)) throw changedMeanwhile();
    await waitUntilMade(client, existing.tenant.id);
  }
  // What a template gave it, and what isn't said when one is made.
  await changeRest(client, declared, await findDeclared(client, declared));
}

async function changeAsShown(client: Client, declared: DeclaredTenant, shown: TenantPlan): Promise<void> {
  let found = await findDeclared(client, declared);
  if (found.existing && isBeingMade(found.existing.tenant)) {
    await waitUntilMade(client, found.existing.tenant.id);
    found = await findDeclared(client, declared);
  } else if (!isSamePlan(planTenant(declared, found.existing), shown)) throw changedMeanwhile();
  await changeRest(client, declared, found);
}

/** Whatever differs from what was found. */
async function changeRest(client: Client, declared: DeclaredTenant, found: Found): Promise<void> {
  const { existing, etag } = found;
  if (!existing) throw changedMeanwhile();
  const plan = planTenant(declared, existing);
  const refused = plan.refusals[0];
  if (refused)
    throw refusal("not_changeable", `${refused.field}: ${refused.reason}`, { remedy: refused.remedy });
  await change(client, { declared, plan, existing, etag });
}

async function isAsDeclared(client: Client, declared: DeclaredTenant): Promise<boolean> {
  try {
    const { existing } = await findDeclared(client, declared);
    if (!existing || isBeingMade(existing.tenant)) return false;
    const { actions, refusals } = planTenant(declared, existing);
    return actions.length + refusals.length === 0;
  } catch {
    // What the first error told is the reason.
    return false;
  }
}

type ChangeOf = {
  declared: DeclaredTenant;
  plan: TenantPlan;
  existing: NonNullable<Existing>;
  etag: string | undefined;
};

async function change(client: Client, { declared, plan, existing, etag }: ChangeOf): Promise<void> {
  const { id } = existing.tenant;
  const target = path`/v1/tenants/${id}`;
  const fields = changeBody(plan);
  const settings = settingsBody(plan);
  if (fields) await client.call("PATCH", target, { body: fields, ifMatch: etag });
  const steps = domainSteps(declared.domains, existing.domains);
  // Domains can be added while customDomains is on: before it is turned off, and after it was turned on.
  const turnsOff = settings?.customDomains === false;
  if (turnsOff) await changeDomains(client, id, steps);
  if (settings) await client.call("PATCH", `${target}/settings`, { body: settings });
  if (!turnsOff) await changeDomains(client, id, steps);
  if (plan.actions.includes("move")) await move(client, id, levelsToMove(declared, plan));
  if (plan.actions.includes("suspend")) await suspend(client, id, declared.suspended!);
  if (plan.actions.includes("resume")) await client.call("POST", `${target}/resume`);
}

async function move(client: Client, id: string, isolation: IsolationRequest): Promise<void> {
  const target = path`/v1/tenants/${id}/environments/production/move`;
  const { body } = await client.call<OperationReply>("POST", target, { body: { isolation } });
  await waitForEnd(client, body.id);
}

async function suspend(client: Client, id: string, suspended: string | true | false): Promise<void> {
  const body = typeof suspended === "string" ? { reason: suspended } : undefined;
  await client.call("POST", path`/v1/tenants/${id}/suspend`, { body });
}

/** Somebody else, or a run of ours that was broken off, has begun to make it. */
async function waitUntilMade(client: Client, tenantId: string): Promise<void> {
  const query = { tenantId, kind: "tenant.provision" };
  const { items } = await fetchPages<OperationReply>(client, "/v1/operations", { limit: 1 }, query);
  if (items[0]) await waitForEnd(client, items[0].id);
}

async function waitForEnd(client: Client, id: string): Promise<void> {
  let latest: OperationReply | undefined;
  for await (const operation of watchOperation(client, id)) latest = operation;
  if (latest?.status !== "succeeded") throw failureOf(latest!);
}

function isSamePlan(one: TenantPlan, other: TenantPlan): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function changedMeanwhile(): CliError {
  return refusal("changed_meanwhile", "Somebody has changed it since the plan was made.", {
    remedy: "Run this again: it plans anew.",
  });
}
