import { type Db, inTransaction, type Tx } from "../../infra/db/index.ts";
import { recordEvent } from "../../infra/events/index.ts";
import {
  beginMaintenance,
  type EnvironmentRow,
  endMaintenance,
  findEnvironment,
  type MaintenanceNotice,
  touchRuntime,
} from "../environments/index.ts";
import { refreshRoutes } from "../routing/index.ts";
import {
  findTenantLocked,
  raiseTenantRevision,
  requireTenantStatus,
  type TenantRow,
} from "../tenants/index.ts";

/** One environment of a tenant; `check` sees the tenant's row under lock, for If-Match. */
export type Target = { tenant: string; environment: string; check(tenant: TenantRow): void };

/**
 * Closes an environment to visitors: within a second its hosts answer 503 with `notice`, and its application gets at
 * nothing of it. A plain transaction, never queued behind an operation. Closing it again changes what visitors are told.
 */
export async function closeForMaintenance(
  db: Db,
  target: Target,
  notice: MaintenanceNotice,
): Promise<string> {
  return change(db, target, async (tx, tenant, environment) => {
    const isSame =
      environment.status === "maintenance" &&
      environment.maintenanceMessage === notice.message &&
      environment.maintenanceRetryAfterSeconds === notice.retryAfterSeconds;
    if (isSame) return false;
    await beginMaintenance(tx, environment.id, notice);
    await recordEvent(tx, {
      name: "environment.maintenance-started",
      tenantId: tenant.id,
      environmentId: environment.id,
      data: { slug: tenant.slug, environment: environment.name, message: notice.message },
    });
    return true;
  });
}

/** Opens an environment to visitors again. Opening one that is open changes nothing. */
export async function openAfterMaintenance(db: Db, target: Target): Promise<string> {
  return change(db, target, async (tx, tenant, environment) => {
    if (environment.status === "ready") return false;
    await endMaintenance(tx, environment.id);
    await recordEvent(tx, {
      name: "environment.maintenance-ended",
      tenantId: tenant.id,
      environmentId: environment.id,
      data: { slug: tenant.slug, environment: environment.name },
    });
    return true;
  });
}

type Work = (tx: Tx, tenant: TenantRow, environment: EnvironmentRow) => Promise<boolean>;

/** Resolves with the tenant's id; `work` says whether it changed anything that others must learn. */
async function change(db: Db, target: Target, work: Work): Promise<string> {
  return inTransaction(db, async (tx) => {
    const tenant = await findTenantLocked(tx, target.tenant);
    target.check(tenant);
    requireTenantStatus(tenant, ["active", "suspended"], "closed or opened");
    const environment = await findEnvironment(tx, tenant, target.environment);
    if (!(await work(tx, tenant, environment))) return tenant.id;
    await raiseTenantRevision(tx, tenant.id);
    await refreshRoutes(tx, tenant.id);
    await touchRuntime(tx, [environment.id]);
    return tenant.id;
  });
}
