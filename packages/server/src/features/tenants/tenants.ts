import type { TenantStatus } from "@tenantry/contract";
import type { Db, Tx } from "../../infra/db/index.ts";
import { failure, parseId, type TenantryError } from "../../kernel/index.ts";
import { checkSlug, numberedSlug } from "./slug.ts";
import { lockTenant, selectTenant, selectTenantBySlug, slugIsTaken, type TenantRow } from "./tenants.sql.ts";

/** Finds a tenant by its id (`tnt_…`) or its slug; `tenant_not_found` when there is none. */
export async function findTenant(db: Db | Tx, idOrSlug: string): Promise<TenantRow> {
  const id = parseId("tnt", idOrSlug);
  const tenant = id ? await selectTenant(db, id) : await selectTenantBySlug(db, idOrSlug);
  if (!tenant)
    throw failure("tenant_not_found", { detail: `There is no tenant "${idOrSlug.slice(0, 60)}".` });
  return tenant;
}

/** Like `findTenant`, and holds the row until the transaction ends. */
export async function findTenantLocked(tx: Tx, idOrSlug: string): Promise<TenantRow> {
  const found = await findTenant(tx, idOrSlug);
  const tenant = await lockTenant(tx, found.id);
  if (!tenant)
    throw failure("tenant_not_found", { detail: `There is no tenant "${idOrSlug.slice(0, 60)}".` });
  return tenant;
}

/** Throws `illegal_transition` unless the tenant stands in one of these; `done` is what can't be done to it now. */
export function requireTenantStatus(
  tenant: Pick<TenantRow, "status">,
  statuses: readonly TenantStatus[],
  done: string,
): void {
  if (statuses.includes(tenant.status)) return;
  throw failure("illegal_transition", {
    detail: `The tenant is ${tenant.status}: it can't be ${done} now.`,
    remedy: `Only a tenant that is ${statuses.join(" or ")} can be ${done}.`,
  });
}

/** Refuses to touch a tenant of which nothing will be left. */
export function requireStaying(tenant: Pick<TenantRow, "status">): void {
  if (tenant.status !== "purging") return;
  throw failure("illegal_transition", {
    detail: "The tenant is being purged: nothing of it can be changed.",
  });
}

/** Throws `slug_refused`, with the reason and a suggestion, unless the slug's form is right. */
export function requireSlugForm(slug: string): void {
  const verdict = checkSlug(slug);
  if (verdict.ok) return;
  throw failure("slug_refused", {
    detail: verdict.reason,
    remedy: verdict.suggestion && `Try "${verdict.suggestion}".`,
    errors: [{ pointer: "/slug", message: verdict.reason }],
    extra: { suggestion: verdict.suggestion },
  });
}

/** The error for a taken slug, with one that no tenant has. */
export async function slugTaken(
  db: Db | Tx,
  slug: string,
  detail = `Another tenant has the slug "${slug}".`,
): Promise<TenantryError> {
  const suggestion = await freeVariant(db, slug);
  return failure("slug_taken", {
    detail,
    remedy: suggestion && `Try "${suggestion}".`,
    errors: [{ pointer: "/slug", message: detail }],
    extra: { suggestion },
  });
}

async function freeVariant(db: Db | Tx, slug: string): Promise<string | undefined> {
  for (let number = 2; number <= 20; number += 1) {
    const candidate = numberedSlug(slug, number);
    if (checkSlug(candidate).ok && !(await slugIsTaken(db, candidate))) return candidate;
  }
  return undefined;
}
