import { isDeepStrictEqual } from "node:util";
import {
  type IsolationRequest,
  presetIsolation,
  type SettingReply,
  type TenantReply,
} from "@tenantry/contract";
import { domainSteps, type StandingDomain, told } from "./domains.ts";
import type { DeclaredTenant } from "./schema.ts";

export type Change = { field: string; from: unknown; to: unknown };
/** `at` is where the field is declared: `file:line:column`. */
export type Refusal = { field: string; reason: string; remedy: string; at?: string };
export type Action = "create" | "wait" | "change" | "move" | "suspend" | "resume";

/** What has to happen so that a tenant is as declared. */
export type TenantPlan = {
  slug: string;
  /** In this order; none when it is so already. */
  actions: Action[];
  /** Every field that becomes another. */
  changes: Change[];
  /** Why it can't be done. */
  refusals: Refusal[];
};

/** What there is: undefined where there is no such tenant. `settings` are those of the tenant's own layer. */
export type Existing =
  | {
      tenant: TenantReply;
      settings: Record<string, unknown>;
      /** Needed where some are declared. */
      domains?: readonly StandingDomain[] | undefined;
    }
  | undefined;

/** The settings that were set for the tenant itself. */
export function ownSettings(items: readonly SettingReply[]): Record<string, unknown> {
  return Object.fromEntries(
    items.filter(({ source }) => source === "tenant").map(({ key, value }) => [key, value]),
  );
}

export const changeableFields = [
  "name",
  "plan",
  "region",
  "groups",
  "parent",
  "visibleToParent",
  "timezone",
  "language",
  "logoUrl",
] as const satisfies (keyof DeclaredTenant & keyof TenantReply)[];

/** Compares a declared tenant with what there is. Pure: the same two give the same plan. */
export function planTenant(declared: DeclaredTenant, existing: Existing): TenantPlan {
  const { slug } = declared;
  if (!existing) return planCreation(declared);
  const { tenant } = existing;
  const blocked = blockedBy(tenant);
  if (blocked) return { slug, actions: [], changes: [], refusals: [blocked] };
  const changes = [
    ...fieldChanges(declared, tenant),
    ...settingChanges(declared, existing.settings),
    ...domainChanges(declared, existing.domains),
  ];
  const actions: Action[] = [];
  if (isBeingMade(tenant)) actions.push("wait");
  if (changes.length > 0) actions.push("change");
  const levels = levelChanges(declared, tenant);
  if (levels.length > 0) actions.push("move");
  changes.push(...levels);
  const turn = statusChange(declared, tenant);
  if (turn) {
    actions.push(turn.action);
    changes.push(turn.change);
  }
  const environments = tenant.environments.map(({ name }) => name);
  const refusals = [...fixedFields(declared, tenant), ...nowhere(declared, environments)];
  return { slug, actions, changes, refusals };
}

function planCreation({ slug, ...declared }: DeclaredTenant): TenantPlan {
  const { settings = {}, isolation = {}, suspended, domains: _, ...fields } = declared;
  const entries: [string, unknown][] = [
    ...Object.entries(fields),
    ...Object.entries(isolation).map(([kind, level]): [string, unknown] => [`isolation.${kind}`, level]),
    ...Object.entries(settings).map(([key, value]): [string, unknown] => [`settings.${key}`, value]),
  ];
  if (suspended) entries.push(["suspended", suspended]);
  const changes = entries
    .filter(([, to]) => to !== undefined && to !== null)
    .map(([field, to]): Change => ({ field, from: null, to }));
  changes.push(...domainChanges(declared));
  const refusals = nowhere({ slug, ...declared }, ["production"]);
  return { slug, actions: suspended ? ["create", "suspend"] : ["create"], changes, refusals };
}

export function isBeingMade({ status }: Pick<TenantReply, "status">): boolean {
  return status === "requested" || status === "provisioning";
}

function blockedBy({ slug, status, statusReason, deleteAt }: TenantReply): Refusal | undefined {
  if (status === "failed") {
    return {
      field: "status",
      reason: `Its creation failed${statusReason ? ` (${statusReason})` : ""}.`,
      remedy: `Retry it with \`tenantry operation retry\`, or delete it with \`tenantry tenant delete ${slug} --now\`.`,
    };
  }
  if (status === "deleting" || status === "purging") {
    const reason =
      status === "deleting" && deleteAt ? `It is deleted, and gone at ${deleteAt}.` : "It is being deleted.";
    const remedy =
      status === "deleting"
        ? `Undo that with \`tenantry tenant resume ${slug}\`, or take it out of the file.`
        : "Run this again when it has gone.";
    return { field: "status", reason, remedy };
  }
  return undefined;
}

function fieldChanges(declared: DeclaredTenant, tenant: TenantReply): Change[] {
  // With another parent the grant is gone, which the plan tells; who wants it says so again.
  const moves = declared.parent !== undefined && declared.parent !== tenant.parent;
  const now = moves && declared.visibleToParent ? { ...tenant, visibleToParent: false } : tenant;
  const wanted = moves ? { visibleToParent: false, ...declared } : declared;
  return changeableFields
    .map((field) => ({ field, from: now[field], to: wanted[field] }))
    .filter(({ from, to }) => to !== undefined && !isSame(from, to));
}

/** Groups have no order. */
function isSame(one: unknown, other: unknown): boolean {
  if (!Array.isArray(one) || !Array.isArray(other)) return isDeepStrictEqual(one, other);
  return isDeepStrictEqual(new Set(one), new Set(other));
}

function settingChanges({ settings = {} }: DeclaredTenant, own: Record<string, unknown>): Change[] {
  return Object.entries(settings)
    .map(([key, to]) => ({ field: `settings.${key}`, from: own[key] ?? null, to }))
    .filter(({ from, to }) => !isDeepStrictEqual(from, to));
}

function domainChanges(
  { domains }: Pick<DeclaredTenant, "domains">,
  existing?: readonly StandingDomain[],
): Change[] {
  return domainSteps(domains, existing).map(({ hostname, from, to }) => ({
    field: `domains.${hostname}`,
    from: told(from),
    to: told(to),
  }));
}

/** Domains that would lead to an environment that there isn't. */
function nowhere({ slug, domains = [] }: DeclaredTenant, environments: readonly string[]): Refusal[] {
  return domains.flatMap(({ environment = "production" }, index) =>
    environments.includes(environment)
      ? []
      : [
          {
            field: `domains[${index}]`,
            reason: `${slug} has no environment ${JSON.stringify(environment)}.`,
            remedy: `There are: ${environments.join(", ")}.`,
          },
        ],
  );
}

function statusChange(
  { suspended }: DeclaredTenant,
  { status, statusReason }: TenantReply,
): { action: "suspend" | "resume"; change: Change } | undefined {
  if (suspended === undefined) return undefined;
  const isSuspended = status === "suspended";
  const from = isSuspended ? (statusReason ?? true) : false;
  const change = { field: "suspended", from, to: suspended };
  if (suspended === false) return isSuspended ? { action: "resume", change } : undefined;
  const isSo = isSuspended && (suspended === true || suspended === statusReason);
  return isSo ? undefined : { action: "suspend", change };
}

/** What is being made has no place yet; the memory of processes is as a prefix. */
function levelChanges(declared: DeclaredTenant, { environments }: TenantReply): Change[] {
  const { placements } = environments[0] ?? {};
  return Object.entries(wantedLevels(declared)).flatMap(([kind, to]) => {
    const place = placements?.[kind as keyof IsolationRequest];
    const from = place && (place.level ?? "prefix");
    return from === undefined || from === null || from === to
      ? []
      : [{ field: `isolation.${kind}`, from, to }];
  });
}

/** The levels to ask for so that a tenant that stands gets those declared, of the kinds that a plan changes. */
export function levelsToMove(declared: DeclaredTenant, { changes }: TenantPlan): IsolationRequest {
  const isChanged = (kind: string) => changes.some(({ field }) => field === `isolation.${kind}`);
  // Nobody's compute is another one so far: who declares it hears so, as he does when he makes a tenant.
  const wanted = Object.entries(wantedLevels(declared));
  return Object.fromEntries(wanted.filter(([kind]) => isChanged(kind) || kind === "compute"));
}

/** What is decided when a tenant is made. */
function* fixedFields(declared: DeclaredTenant, tenant: TenantReply): Generator<Refusal> {
  for (const field of ["app", "clientId"] as const) {
    const wanted = declared[field];
    if (wanted !== undefined && wanted !== tenant[field]) yield cannotBecome(field, tenant[field], wanted);
  }
  const { template: wanted } = declared;
  if (wanted !== undefined && !isMadeFrom(tenant, wanted))
    yield cannotBecome("template", tenant.template?.name ?? null, wanted);
}

/** A name alone stands for any of its revisions: nothing follows a template once a tenant is made. */
function isMadeFrom({ template }: TenantReply, wanted: string | null): boolean {
  if (!template || wanted === null) return !template && wanted === null;
  return wanted === template.name || wanted === `${template.name}@${template.revision}`;
}

function wantedLevels({ preset, isolation }: DeclaredTenant): IsolationRequest {
  return { ...(preset && presetIsolation[preset]), ...isolation };
}

function cannotBecome(field: string, from: unknown, to: unknown): Refusal {
  return {
    field,
    reason: `It is ${JSON.stringify(from)} and can't become ${JSON.stringify(to)}: that is decided when a tenant is made.`,
    remedy: "Write what it is, leave the field out, or make a tenant under another slug.",
  };
}
