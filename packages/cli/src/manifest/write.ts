import type { TenantReply } from "@tenantry/contract";
import { stringify } from "yaml";
import { apiVersion, type DeclaredTenant, tenantFields } from "./schema.ts";

/** A tenant as `apply` reads it: what it has and nothing it hasn't, so that nothing is planned for it. */
export function declare(tenant: TenantReply, settings: Record<string, unknown>): DeclaredTenant {
  const { database, storage, cache } = tenant.environments[0]?.placements ?? {};
  const levels = { database: database?.level, storage: storage?.level, cache: cache?.level };
  const declared: Record<keyof DeclaredTenant, unknown> = {
    ...tenant,
    groups: [...tenant.groups].sort(),
    preset: undefined,
    template: tenant.template && `${tenant.template.name}@${tenant.template.revision}`,
    isolation: sorted(levels, (entries) => entries),
    settings: sorted(settings),
    suspended: tenant.status === "suspended" ? (tenant.statusReason ?? true) : undefined,
  };
  const kept = tenantFields
    .map((field) => [field, declared[field]] as const)
    .filter(([, value]) => isSet(value));
  return Object.fromEntries(kept) as DeclaredTenant;
}

function sorted(
  values: Record<string, unknown>,
  order = (entries: [string, unknown][]) => entries.sort(([a], [b]) => (a < b ? -1 : 1)),
): Record<string, unknown> {
  return Object.fromEntries(order(Object.entries(values).filter(([, value]) => isSet(value))));
}

function isSet(value: unknown): boolean {
  if (value === null || value === undefined) return false;
  return typeof value !== "object" || Object.keys(value).length > 0;
}

/** Canonical YAML: the same tenants give the same text, sorted by slug. */
export function writeManifest(tenants: readonly DeclaredTenant[]): string {
  const ordered = [...tenants].sort((one, other) => (one.slug < other.slug ? -1 : 1));
  // Without folding, a text stays on its line, and a diff shows what changed.
  return stringify({ apiVersion, tenants: ordered }, { lineWidth: 0, aliasDuplicateObjects: false });
}
