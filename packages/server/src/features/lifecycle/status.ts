import type { EventData, EventName } from "@tenantry/contract";
import { type Db, inTransaction, type Tx } from "../../infra/db/index.ts";
import { recordEvent } from "../../infra/events/index.ts";
import { deleteSessionsOfTenant } from "../access/index.ts";
import { selectEnvironmentsOf, touchRuntime } from "../environments/index.ts";
import { refreshRoutes } from "../routing/index.ts";
import {
  findTenantLocked,
  requireTenantStatus,
  type TenantRow,
  updateTenantStatus,
} from "../tenants/index.ts";

/**
 * Takes a tenant off the air: its hosts answer 503 within a second, its sessions end. A plain transaction, never queued
 * behind an operation. Suspending a suspended tenant changes its reason.
 */
export async function suspendTenant(db: Db, idOrSlug: string, reason: string): Promise<string> {
  return inTransaction(db, async (tx) => {
    const tenant = await findTenantLocked(tx, idOrSlug);
    requireTenantStatus(tenant, ["active", "suspended"], "suspended");
    await updateTenantStatus(tx, tenant.id, { status: "suspended", reason });
    await deleteSessionsOfTenant(tx, tenant.id);
    await announce(tx, tenant, "tenant.suspended", { reason });
    return tenant.id;
  });
}

/** Puts a suspended tenant back on the air. Resuming an active tenant changes nothing. */
export async function resumeTenant(db: Db, idOrSlug: string): Promise<string> {
  return inTransaction(db, async (tx) => {
    const tenant = await findTenantLocked(tx, idOrSlug);
    if (tenant.status === "active") return tenant.id;
    requireTenantStatus(tenant, ["suspended"], "resumed");
    await updateTenantStatus(tx, tenant.id, { status: "active" });
    await announce(tx, tenant, "tenant.resumed");
    return tenant.id;
  });
}

type StatusEvent = Extract<EventName, `tenant.${string}`> &
  { [Name in EventName]: EventData<Name> extends { slug: string } ? Name : never }[EventName];
type MoreData<Name extends EventName> = Omit<EventData<Name>, "slug">;

/** Tells everyone who follows the tenant what became of it: the outbox, the gateways, the applications. */
export async function announce<Name extends StatusEvent>(
  tx: Tx,
  tenant: Pick<TenantRow, "id" | "slug" | "internal">,
  name: Name,
  ...[more]: keyof MoreData<Name> extends never ? [] : [MoreData<Name>]
): Promise<void> {
  const environments = await selectEnvironmentsOf(tx, [tenant.id]);
  const data = { slug: tenant.slug, ...more } as EventData<Name>;
  // Nobody is told of tenants that stand in no list.
  if (!tenant.internal) await recordEvent(tx, { name, tenantId: tenant.id, data });
  await refreshRoutes(tx, tenant.id);
  const ids = environments.map((environment) => environment.id);
  await touchRuntime(tx, ids);
}

/** Puts a tenant whose deletion was taken back to where it stood before. */
export async function restoreTenant(tx: Tx, tenant: TenantRow): Promise<void> {
  await updateTenantStatus(tx, tenant.id, {
    status: tenant.statusBefore ?? "active",
    reason: tenant.statusReason,
  });
  await announce(tx, tenant, "tenant.undeleted");
}
