import { shortest } from "./domains.ts";
import { changeableFields, type TenantPlan } from "./plan.ts";
import type { DeclaredTenant } from "./schema.ts";

/**
 * The body that creates a declared tenant. Null is what a new one has anyway, but for a template, where it says "none".
 * Its domains are claimed with it where they are names alone: then one that is refused is told before anything is made.
 */
export function creationBody({
  suspended: _,
  settings: declaredSettings = {},
  parent: parentId,
  domains = [],
  ...fields
}: DeclaredTenant): Record<string, unknown> {
  const { customDomains, ...others } = declaredSettings;
  // Off, it would keep out the domains that are declared beside it: it is turned off once they are there.
  const settings = domains.length > 0 && customDomains === false ? others : declaredSettings;
  const hostnames = domains.map(shortest).filter((one) => typeof one === "string");
  return {
    ...(domains.length > 0 && hostnames.length === domains.length ? { domains: hostnames } : {}),
    ...withoutNull({ ...fields, ...(parentId === undefined ? {} : { parentId }) }),
    ...(fields.template === null ? { template: null } : {}),
    settings: withoutNull(settings),
  };
}

/** The body that changes a tenant's own fields; undefined when none changes. */
export function changeBody(plan: TenantPlan): Record<string, unknown> | undefined {
  return bodyOf(plan, (field) => {
    if (field === "parent") return "parentId";
    return changeableFields.some((one) => one === field) ? field : undefined;
  });
}

/** The body that changes a tenant's settings; undefined when none changes. */
export function settingsBody(plan: TenantPlan): Record<string, unknown> | undefined {
  return bodyOf(plan, (field) =>
    field.startsWith("settings.") ? field.slice("settings.".length) : undefined,
  );
}

function bodyOf(
  { changes }: TenantPlan,
  keyOf: (field: string) => string | undefined,
): Record<string, unknown> | undefined {
  const entries = changes.flatMap(({ field, to }) => {
    const key = keyOf(field);
    return key === undefined ? [] : [[key, to] as const];
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function withoutNull(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}
