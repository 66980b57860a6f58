import type { Tx } from "../../infra/db/index.ts";
import { recordEvent } from "../../infra/events/index.ts";
import { type Outcome, type StepContext, step, type Workflow } from "../../infra/workflow/index.ts";
import { failure } from "../../kernel/index.ts";
import { buryRuntime, moveEnvironment, selectEnvironmentsOf } from "../environments/index.ts";
import { inTurn, type Placements, retireServersOf, selectTraces, type Traces } from "../placements/index.ts";
import { removeRoutes } from "../routing/index.ts";
import { deleteSettingsOf } from "../settings/index.ts";
import {
  countTenantOut,
  deleteTenantRow,
  lockTenant,
  requireTenantMove,
  selectTenant,
  updateTenantStatus,
} from "../tenants/index.ts";
import { forgetAdminInput } from "./admin-input.sql.ts";
import { touchParents } from "./parents.ts";
import { restoreTenant } from "./status.ts";

export type DeleteInput = { slug: string };

type Context = StepContext<DeleteInput>;
type Removals = Pick<Placements, "removePlacements" | "standing">;

/**
 * Waits for the grace to end, then removes everything of a tenant, proves that nothing is left, and only then lets go
 * of the slug. There is no way back once the purge has begun: a failing step is tried again, not undone.
 */
export function deleteWorkflow({ placements }: { placements: Removals }): Workflow<DeleteInput> {
  return {
    kind: "tenant.delete",
    version: 1,
    onFailure: "stop",
    pointOfNoReturn: "begin-purge",
    steps: [
      step("wait-for-grace", { title: "Wait until the grace period ends", run: waitForGrace }),
      step("begin-purge", { title: "Begin the purge", run: beginPurge }),
      removal(placements, "database", "Remove the database and its role"),
      removal(placements, "storage", "Remove the stored files"),
      removal(placements, "cache", "Flush the cache"),
      step("prove", {
        title: "Prove that nothing is left",
        run: async (context) => prove(placements, context),
      }),
      step("release-slug", { title: "Release the slug", run: releaseSlug }),
    ],
    ended: restoreIfCancelled,
  };
}

async function waitForGrace(context: Context) {
  const tenant = await selectTenant(context.db, context.tenantId!);
  if (tenant?.deleteAt && tenant.deleteAt.getTime() > Date.now()) {
    return { waitUntil: tenant.deleteAt, message: `Can be undone until ${tenant.deleteAt.toISOString()}` };
  }
  return {};
}

/** Its result names everything that will have to be gone at the end. */
async function beginPurge(context: Context): Promise<Traces> {
  return context.transaction(async (tx) => {
    const tenant = await lockTenant(tx, context.tenantId!);
    const environments = await selectEnvironmentsOf(tx, [context.tenantId!]);
    const ids = environments.map((environment) => environment.id);
    const traces = await selectTraces(tx, ids);
    if (!tenant || tenant.status === "purging") return traces;
    requireTenantMove(tenant.status, "purging");
    await updateTenantStatus(tx, tenant.id, { status: "purging", deleteAt: tenant.deleteAt });
    for (const environment of environments) await moveEnvironment(tx, environment.id, "removing");
    if (!tenant.internal) {
      await recordEvent(tx, { name: "tenant.purging", tenantId: tenant.id, data: { slug: tenant.slug } });
    }
    // Applications let go of the environment's connections and files before those are removed.
    await buryRuntime(tx, tenant.appId, ids);
    return traces;
  });
}

function removal(placements: Removals, kind: "database" | "storage" | "cache", title: string) {
  return step<DeleteInput>(`remove-${kind}`, {
    title,
    // Whoever reads its rows, or died in it, may have them still.
    run: (context) =>
      inTurn(async () => {
        for (const environment of await selectEnvironmentsOf(context.db, [context.tenantId!])) {
          await placements.removePlacements(context, { environmentId: environment.id, kind });
        }
      }),
  });
}

/** Looks at the servers and disks themselves, not at our own notes. */
async function prove(placements: Removals, context: Context): Promise<{ gone: string[] }> {
  // One that began before servers were noted looks at all of them.
  const traces = context.results["begin-purge"] as Pick<Traces, "names"> & Partial<Traces>;
  const standing = await placements.standing(context.db, traces);
  if (standing.length === 0) return { gone: traces.names };
  throw failure("operation_failed", { detail: `Still there: ${standing.join(", ")}.` });
}

async function releaseSlug(context: Context): Promise<void> {
  await context.transaction(async (tx) => {
    const tenant = await selectTenant(tx, context.tenantId!);
    if (!tenant) return;
    const environments = await selectEnvironmentsOf(tx, [tenant.id]);
    const environmentIds = environments.map((environment) => environment.id);
    await deleteSettingsOf(tx, [tenant.id, ...environmentIds]);
    await forgetAdminInput(tx, tenant.id);
    await retireServersOf(tx, tenant.id);
    await deleteTenantRow(tx, tenant.id);
    if (!tenant.internal) {
      await countTenantOut(tx);
      await recordEvent(tx, { name: "tenant.deleted", tenantId: tenant.id, data: { slug: tenant.slug } });
    }
    await removeRoutes(tx, tenant.id);
    // Once more: an application that began to follow during the purge has seen them since.
    await buryRuntime(tx, tenant.appId, environmentIds);
    if (tenant.visibleToParent) await touchParents(tx, [tenant.parentId]);
  });
}

async function restoreIfCancelled(tx: Tx, outcome: Outcome<DeleteInput>): Promise<void> {
  if (outcome.status !== "cancelled") return;
  const tenant = await selectTenant(tx, outcome.tenantId!);
  if (tenant?.status === "deleting") await restoreTenant(tx, tenant);
}
