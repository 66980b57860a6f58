import type { DomainReply, TenantReply } from "@tenantry/contract";
import { stringify } from "yaml";
import { declareDomain, shortest } from "./domains.ts";
import { apiVersion, type DeclaredTenant, tenantFields } from "./schema.ts";

/**
 * A tenant as `apply` reads it, so that nothing is planned for it, and another one is made the same. What it hasn't stands
 * there as null or false: `templateSettings`, which its template would give it, too.
 */
export function declare(
  tenant: TenantReply,
  {
    settings,
    templateSettings = [],
    domains,
  }: {
    settings: Record<string, unknown>;
    templateSettings?: readonly string[];
    domains: readonly DomainReply[];
  },
): DeclaredTenant {
  const { database, storage, cache } = tenant.environments[0]?.placements ?? {};
  const levels = { database: database?.level, storage: storage?.level, cache: cache?.level };
  const taken = templateSettings.filter((key) => !(key in settings)).map((key) => [key, null]);
  const declared: Record<keyof DeclaredTenant, unknown> = {
    ...tenant,
    clientId: tenant.clientId ?? undefined,
    groups: [...tenant.groups].sort(),
    preset: undefined,
    template: tenant.template && `${tenant.template.name}@${tenant.template.revision}`,
    isolation: filled(Object.entries(levels).filter(([, level]) => level !== undefined)),
    domains: [...domains].sort((one, other) => byName([one.hostname], [other.hostname])).map(declareDomain),
    settings: filled([...Object.entries(settings), ...taken].sort(byName)),
    suspended: tenant.status === "suspended" && (tenant.statusReason ?? true),
  };
  const kept = tenantFields
    .map((field) => [field, declared[field]] as const)
    .filter(([, value]) => value !== undefined);
  return Object.fromEntries(kept) as DeclaredTenant;
}

const byName = ([one]: unknown[], [other]: unknown[]) => ((one as string) < (other as string) ? -1 : 1);

const filled = (entries: unknown[][]) =>
  entries.length === 0 ? undefined : (Object.fromEntries(entries) as Record<string, unknown>);

/** Canonical YAML: the same tenants give the same text, sorted by slug. */
export function writeManifest(tenants: readonly DeclaredTenant[]): string {
  const ordered = tenants
    .map((tenant) => (tenant.domains ? { ...tenant, domains: tenant.domains.map(shortest) } : tenant))
    .sort((one, other) => (one.slug < other.slug ? -1 : 1));
  // Without folding, a text stays on its line, and a diff shows what changed.
  return stringify({ apiVersion, tenants: ordered }, { lineWidth: 0, aliasDuplicateObjects: false });
}
