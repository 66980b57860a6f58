import { type Db, inTransaction, type Tx } from "../../infra/db/index.ts";
import {
  abandonOperation,
  cancelOperation,
  hastenOperation,
  selectOpenOperation,
  startOperation,
  type Workflow,
} from "../../infra/workflow/index.ts";
import { failure, showId } from "../../kernel/index.ts";
import { deleteSessionsOfTenant } from "../access/index.ts";
import { selectEnvironmentsOf } from "../environments/index.ts";
import type { Settings } from "../settings/index.ts";
import {
  countChildren,
  findTenant,
  findTenantLocked,
  requireTenantMove,
  type TenantRow,
  updateTenantStatus,
} from "../tenants/index.ts";
import type { DeleteInput } from "./delete-workflow.ts";
import { announce, restoreTenant } from "./status.ts";

type Dependencies = { db: Db; settings: Settings; deletion: Workflow<DeleteInput> };

const kind = "tenant.delete";

/**
 * Takes a tenant off the air and starts its deletion. Within the grace period (setting `deletionGraceDays`, or none at
 * all with `now`) it can be undone; then everything of it is removed and the slug is free. Asking again answers the
 * deletion that is under way; with `now`, its grace ends.
 */
export async function deleteTenant(
  { db, settings, deletion }: Dependencies,
  idOrSlug: string,
  options: { now: boolean; requestedBy: string; check(tenant: TenantRow): void },
): Promise<string> {
  const found = await findTenant(db, idOrSlug);
  const graceDays = options.now
    ? 0
    : await settings.get<number>(db, "deletionGraceDays", { tenantId: found.id });
  const deleteAt = new Date(Date.now() + graceDays * 86_400_000);
  return inTransaction(db, async (tx) => {
    const tenant = await findTenantLocked(tx, idOrSlug);
    options.check(tenant);
    const isLeaving = tenant.status === "deleting" || tenant.status === "purging";
    const underWay = isLeaving && (await selectOpenOperation(tx, { tenantId: tenant.id, kind }));
    if (underWay) {
      if (options.now && tenant.status === "deleting") await endGrace(tx, tenant, deleteAt, underWay);
      return underWay;
    }
    if (tenant.status === "provisioning") await refuseWhileProvisioning(tx, tenant);
    requireTenantMove(tenant.status, "deleting");
    await refuseWithChildren(tx, tenant);
    const [production] = await selectEnvironmentsOf(tx, [tenant.id]);
    const operationId = await startOperation(tx, {
      workflow: deletion,
      tenantId: tenant.id,
      environmentId: production!.id,
      input: { slug: tenant.slug },
      internal: tenant.internal,
      requestedBy: options.requestedBy,
    });
    const reason = tenant.statusReason;
    await updateTenantStatus(tx, tenant.id, { status: "deleting", before: tenant.status, reason, deleteAt });
    await deleteSessionsOfTenant(tx, tenant.id);
    await announce(tx, tenant, "tenant.deleting", { deleteAt: deleteAt.toISOString() });
    return operationId;
  });
}

/** What is being made is cancelled first: then nothing makes it any more while it is removed. */
async function refuseWhileProvisioning(tx: Tx, tenant: TenantRow): Promise<void> {
  const provisioning = await selectOpenOperation(tx, { tenantId: tenant.id, kind: "tenant.provision" });
  if (!provisioning) return;
  const operationId = showId("op", provisioning);
  throw failure("illegal_transition", {
    detail: `${tenant.slug} is still being provisioned.`,
    remedy: `Cancel that with \`tenantry operation cancel ${operationId}\`, then delete the tenant.`,
    extra: { operationId },
  });
}

async function refuseWithChildren(tx: Tx, { id, slug }: TenantRow): Promise<void> {
  const children = await countChildren(tx, id);
  if (children === 0) return;
  const them = children === 1 ? "it" : "them";
  throw failure("has_children", {
    detail: `${slug} is the parent of ${children === 1 ? "another tenant" : `${children} other tenants`}.`,
    remedy: `Delete ${them} first, or give ${them} another parent or none: \`tenantry tenant update <child> --parent ""\`. List ${them} with \`tenantry tenant list --parent ${slug}\`.`,
    extra: { children },
  });
}

async function endGrace(tx: Tx, tenant: TenantRow, deleteAt: Date, operationId: string): Promise<void> {
  const { statusBefore: before, statusReason: reason } = tenant;
  await updateTenantStatus(tx, tenant.id, { status: "deleting", before, reason, deleteAt });
  await hastenOperation(tx, operationId);
}

/**
 * Takes a deletion back within its grace: the tenant is as it was. Undefined when the tenant isn't being deleted. The
 * row's lock decides the race with the purge, which takes it too.
 */
export async function undeleteTenant(db: Db, idOrSlug: string): Promise<string | undefined> {
  return inTransaction(db, async (tx) => {
    const tenant = await findTenantLocked(tx, idOrSlug);
    if (tenant.status !== "deleting") return undefined;
    const open = { tenantId: tenant.id, kind };
    const stuck = (await abandonOperation(tx, open)) ? undefined : await selectOpenOperation(tx, open);
    if (stuck) await cancelOperation(tx, stuck);
    await restoreTenant(tx, tenant);
    return tenant.id;
  });
}
