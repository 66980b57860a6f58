import type { UpdateTenantRequest } from "@tenantry/contract";
import { type Db, inTransaction, isUniqueViolation, type Tx } from "../../infra/db/index.ts";
import { recordEvent } from "../../infra/events/index.ts";
import { selectEnvironmentsOf, touchRuntime } from "../environments/index.ts";
import { refreshRoutes, renameSystemRoutes } from "../routing/index.ts";
import {
  findTenantLocked,
  requireSlugForm,
  requireStaying,
  requireTenantStatus,
  slugTaken,
  type TenantRow,
  updateTenantFields,
} from "../tenants/index.ts";

/**
 * Changes what a tenant is called and how it is sorted. A new slug moves its hosts; the old ones redirect for 30 days.
 * `check` sees the row under lock, for If-Match.
 */
export async function updateTenant(
  db: Db,
  idOrSlug: string,
  change: UpdateTenantRequest,
  options: { rootDomain: string; check(tenant: TenantRow): void },
): Promise<string> {
  if (change.slug !== undefined) requireSlugForm(change.slug);
  try {
    return await inTransaction(db, (tx) => update(tx, idOrSlug, change, options));
  } catch (error) {
    if (!isUniqueViolation(error, "tenants_slug_key")) throw error;
    throw await slugTaken(db, change.slug!);
  }
}

async function update(
  tx: Tx,
  idOrSlug: string,
  change: UpdateTenantRequest,
  options: { rootDomain: string; check(tenant: TenantRow): void },
): Promise<string> {
  const before = await findTenantLocked(tx, idOrSlug);
  options.check(before);
  requireStaying(before);
  const after = { ...before, ...change };
  const renamed = after.slug !== before.slug;
  if (renamed) requireTenantStatus(before, ["active", "suspended"], "renamed");
  await updateTenantFields(tx, before.id, after);
  const environments = await selectEnvironmentsOf(tx, [before.id]);
  const changed = Object.keys(change).sort();
  await recordEvent(tx, {
    name: "tenant.updated",
    tenantId: before.id,
    data: { slug: after.slug, changed },
  });
  if (renamed) {
    const rename = { tenantId: before.id, environments, from: before.slug, to: after.slug };
    await renameSystemRoutes(tx, { ...rename, rootDomain: options.rootDomain });
  } else {
    await refreshRoutes(tx, before.id);
  }
  await touchRuntime(
    tx,
    environments.map((environment) => environment.id),
  );
  return before.id;
}
