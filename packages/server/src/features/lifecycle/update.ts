import type { UpdateTenantRequest } from "@tenantry/contract";
import { type Db, inTransaction, isUniqueViolation, type Tx } from "../../infra/db/index.ts";
import { recordEvent } from "../../infra/events/index.ts";
import { failure } from "../../kernel/index.ts";
import { type EnvironmentRow, selectEnvironmentsOf, touchRuntime } from "../environments/index.ts";
import { selectServersOutside } from "../placements/index.ts";
import { refreshRoutes, renameSystemRoutes } from "../routing/index.ts";
import {
  findTenantLocked,
  lockHierarchy,
  requireParent,
  requireSlugForm,
  requireSomebodyToSee,
  requireStaying,
  requireTenantStatus,
  slugTaken,
  type TenantRow,
  updateTenantFields,
  withDescendants,
} from "../tenants/index.ts";
import { touchParents } from "./parents.ts";

type UpdateOptions = {
  rootDomain: string;
  check(tenant: TenantRow): void;
  /** Routes the domains of these tenants as their settings say now. */
  settleDomains: (tx: Tx, tenantIds: readonly string[]) => Promise<void>;
};

/**
 * Changes what a tenant is called and how it is sorted. A new slug moves its hosts; the old ones redirect for 30 days.
 * `check` sees the row under lock, for If-Match.
 */
export async function updateTenant(
  db: Db,
  idOrSlug: string,
  change: UpdateTenantRequest,
  options: UpdateOptions,
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
  options: UpdateOptions,
): Promise<string> {
  const { parentId: wantedParent, ...fields } = change;
  if (wantedParent !== undefined) await lockHierarchy(tx);
  const before = await findTenantLocked(tx, idOrSlug);
  options.check(before);
  requireStaying(before);
  const parentId = wantedParent ? (await requireParent(tx, wantedParent, before)).id : wantedParent;
  const after = { ...before, ...keptInSight(before, parentId), ...fields };
  requireSomebodyToSee(after);
  const renamed = after.slug !== before.slug;
  if (renamed) requireTenantStatus(before, ["active", "suspended"], "renamed");
  if (after.region !== null && after.region !== before.region)
    await requireRegion(tx, before.id, after.region);
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
  // A parent's settings hold for those below.
  if (after.parentId !== before.parentId) {
    await options.settleDomains(tx, await withDescendants(tx, before.id));
  }
  await touchWhom(tx, { before, after, environments });
  if (seer(before) !== seer(after)) await touchParents(tx, [seer(before), seer(after)]);
  return before.id;
}

/** The grant is to one parent: another one doesn't see the tenant. */
function keptInSight(before: TenantRow, parentId: string | null | undefined) {
  if (parentId === undefined || parentId === before.parentId) return {};
  return { parentId, visibleToParent: false };
}

const seer = ({ parentId, visibleToParent }: TenantRow): string | null => (visibleToParent ? parentId : null);

/** What those below inherit concerns them, too. */
async function touchWhom(
  tx: Tx,
  { before, after, environments }: { before: TenantRow; after: TenantRow; environments: EnvironmentRow[] },
): Promise<void> {
  const inherited = ["plan", "logoUrl", "parentId"] as const;
  const concerned = inherited.some((field) => after[field] !== before[field])
    ? await selectEnvironmentsOf(tx, await withDescendants(tx, before.id))
    : environments;
  await touchRuntime(
    tx,
    concerned.map(({ id }) => id),
  );
}

/** A region says where a tenant's data lies: it can't be told otherwise of what stays where it is. */
async function requireRegion(tx: Tx, tenantId: string, region: string): Promise<void> {
  const outside = await selectServersOutside(tx, tenantId, region);
  if (outside.length === 0) return;
  const message = `The tenant's database is on "${outside.join('", "')}", which doesn't stand in the region "${region}".`;
  throw failure("region_unavailable", {
    detail: message,
    errors: [{ pointer: "/region", message }],
    remedy: "Say where the server stands with `tenantry server update --region`, if that is so.",
  });
}
