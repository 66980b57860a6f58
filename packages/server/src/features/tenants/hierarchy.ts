import type { Db, Tx } from "../../infra/db/index.ts";
import { hasCode, invalidField } from "../../kernel/index.ts";
import {
  type AncestorRow,
  deepestHierarchy,
  lockHierarchy,
  selectAncestors,
  selectDescendants,
} from "./hierarchy.sql.ts";
import type { TenantRow } from "./tenants.sql.ts";
import { findTenantLocked } from "./tenants.ts";

/**
 * The tenant that is to be the parent, by its id or slug; its row is held until the transaction ends, so that it isn't
 * deleted meanwhile as one without children. `lockHierarchy` comes first, before any tenant's row is held. Throws
 * `invalid_request` at `/parentId` for a tenant that isn't there, is going away, stands below `child` or is itself, or
 * would make the line too long.
 */
export async function requireParent(
  tx: Tx,
  idOrSlug: string,
  child?: Pick<TenantRow, "id" | "slug">,
): Promise<TenantRow> {
  const parent = await findTenantLocked(tx, idOrSlug).catch((error: unknown) => {
    if (hasCode(error, "tenant_not_found")) throw refused("There is no such parent tenant.");
    throw error;
  });
  if (parent.status === "deleting" || parent.status === "purging")
    throw refused(`The parent tenant is ${parent.status}.`);
  if (parent.internal) throw refused("There is no such parent tenant.");
  if (parent.id === child?.id) throw refused("A tenant can't be its own parent.");
  const above = await selectAncestors(tx, [parent.id]);
  if (child && above.some(({ ancestorId }) => ancestorId === child.id))
    throw refused(`${parent.slug} stands below ${child.slug}: that would be a circle.`);
  const below = child ? await selectDescendants(tx, child.id) : [];
  // The tenants above the parent, the parent, the child, and the longest line below it.
  const levels = above.length + 2 + Math.max(0, ...below.map(({ distance }) => distance));
  if (levels > deepestHierarchy)
    throw refused(
      `At most ${deepestHierarchy} tenants may stand one below the other; that would be ${levels}.`,
    );
  return parent;
}

/** Throws `invalid_request` at `/visibleToParent` where a tenant without a parent is to be seen by it. */
export function requireSomebodyToSee(tenant: Pick<TenantRow, "parentId" | "visibleToParent">): void {
  if (!tenant.visibleToParent || tenant.parentId !== null) return;
  throw invalidField("/visibleToParent", "The tenant has no parent that could see it.");
}

function refused(message: string) {
  return invalidField("/parentId", message);
}

/** The tenants above each of those named, nearest first; nothing under the id of one that has no parent. */
export async function ancestorsOf(
  db: Db | Tx,
  tenantIds: readonly string[],
): Promise<ReadonlyMap<string, readonly AncestorRow[]>> {
  return Map.groupBy(await selectAncestors(db, tenantIds), ({ tenantId }) => tenantId);
}

export type Inherited<Value> = { value: Value; from: string };

/** What a tenant has of the nearest one above it that has such a thing: its value, and that tenant's slug. */
export function inherit<Key extends "plan" | "logoUrl">(
  own: { [key in Key]: string | null },
  ancestors: readonly AncestorRow[] | undefined,
  key: Key,
): Inherited<string> | null {
  if (own[key] !== null) return null;
  const giver = ancestors?.find((one) => one[key] !== null);
  return giver ? { value: giver[key]!, from: giver.slug } : null;
}

/** A tenant and all that stand below it: whom a change of the tenant reaches. */
export async function withDescendants(tx: Tx, tenantId: string): Promise<string[]> {
  return [tenantId, ...(await selectDescendants(tx, tenantId)).map(({ id }) => id)];
}

export { lockHierarchy };
