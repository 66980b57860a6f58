import type { MoveEnvironmentRequest } from "@tenantry/contract";
import { inTransaction } from "../../infra/db/index.ts";
import { startOperation, type Workflow } from "../../infra/workflow/index.ts";
import { failure } from "../../kernel/index.ts";
import { type EnvironmentRow, findEnvironment } from "../environments/index.ts";
import { findTenant, findTenantLocked, requireTenantStatus, type TenantRow } from "../tenants/index.ts";
import type { Carrier, MoveInput, Promotion } from "./carrier.ts";
import { type DestinationParts, destinationOf } from "./destination.ts";

export type MoveDependencies = DestinationParts & {
  carriers: readonly Carrier[];
  move: Workflow<MoveInput>;
};

export type MoveTarget = { tenant: string; environment: string };

/**
 * Begins to carry what an environment has to other levels, other servers, or both; answers the operation's UUID.
 * Throws `isolation_unavailable` for what can't be, with the reason, before anything happens; `illegal_transition` when it
 * is there already, or the tenant isn't active or suspended; `operation_in_progress`.
 */
export async function moveEnvironment(
  deps: MoveDependencies,
  target: MoveTarget,
  request: MoveEnvironmentRequest,
  by: { requestedBy: string; promotion?: Promotion },
): Promise<string> {
  const { db } = deps;
  const tenant = await findTenant(db, target.tenant);
  if (tenant.internal) throw failure("tenant_not_found", { detail: "There is no such tenant." });
  const environment = await findEnvironment(db, tenant, target.environment);
  const input = await plan(deps, { tenant, environment }, request);
  return inTransaction(db, async (tx) => {
    const locked = await findTenantLocked(tx, target.tenant);
    requireMovable(locked, environment);
    return startOperation(tx, {
      workflow: deps.move,
      ...{ tenantId: tenant.id, environmentId: environment.id, requestedBy: by.requestedBy },
      input: { ...input, ...(by.promotion && { promotion: by.promotion }) },
    });
  });
}

function requireMovable(tenant: TenantRow, { name, status }: EnvironmentRow): void {
  requireTenantStatus(tenant, ["active", "suspended"], "moved");
  if (status === "ready" || status === "maintenance") return;
  throw failure("illegal_transition", {
    detail: `The environment ${name} is ${status}: it can't be moved now.`,
  });
}

async function plan(
  deps: MoveDependencies,
  { tenant, environment }: { tenant: TenantRow; environment: EnvironmentRow },
  request: MoveEnvironmentRequest,
): Promise<MoveInput> {
  const { db, placements } = deps;
  requireMovable(tenant, environment);
  const destination = await destinationOf(deps, environment.id, request);
  if (Object.keys(destination).length === 0) {
    const detail = `${tenant.slug} is at these levels and on these servers already.`;
    throw failure("illegal_transition", { detail });
  }
  const { appId } = await placements.sourceOfRows(db, environment.id);
  const { slug, region } = tenant;
  const input: MoveInput = { ...{ appId, slug, region, environment: environment.name }, ...destination };
  const moved = { input, tenantId: tenant.id, environmentId: environment.id };
  for (const { kind, check } of deps.carriers) if (input[kind]) await check(db, moved);
  return input;
}
