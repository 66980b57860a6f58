import { changeableFields, type TenantPlan } from "./plan.ts";
import type { DeclaredTenant } from "./schema.ts";

/** The body that creates a declared tenant. Null is what a new one has anyway, but for a template, where it says "none". */
export function creationBody({
  suspended: _,
  settings = {},
  parent: parentId,
  ...fields
}: DeclaredTenant): Record<string, unknown> {
  return {
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
