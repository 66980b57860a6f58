import type { Db, Tx } from "../../infra/db/index.ts";
import { failure, parseId } from "../../kernel/index.ts";
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

/** The error for a taken slug, with one that is free. */
export async function slugTaken(db: Db | Tx, slug: string) {
  const suggestion = await freeVariant(db, slug);
  const detail = `Another tenant has the slug "${slug}".`;
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
