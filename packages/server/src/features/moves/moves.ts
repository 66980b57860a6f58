import type { DatabaseLevel, MoveEnvironmentRequest } from "@tenantry/contract";
import { type Db, inTransaction } from "../../infra/db/index.ts";
import { startOperation, type Workflow } from "../../infra/workflow/index.ts";
import { failure, showId } from "../../kernel/index.ts";
import { type EnvironmentRow, findEnvironment } from "../environments/index.ts";
import { currentPlacements, findServer, type Placements, type ShownPlacements } from "../placements/index.ts";
import { findApp } from "../releases/index.ts";
import { findTenant, findTenantLocked, requireTenantStatus, type TenantRow } from "../tenants/index.ts";
import { requireFit, requireSize } from "./fit.ts";
import type { MoveInput, Promotion } from "./move-workflow.ts";

export type MoveDependencies = {
  db: Db;
  placements: Pick<Placements, "requireEligible" | "refuseKnownUnheld" | "sourceOfRows" | "sizeOf">;
  move: Workflow<MoveInput>;
  /** The most bytes that a file may have; undefined where any may. */
  quotaOf(tenantId: string): Promise<number>;
};

export type MoveTarget = { tenant: string; environment: string };
export type Wanted = { level?: DatabaseLevel | undefined; server?: string | undefined };

/** What the body asks for. Throws `isolation_unavailable` where it is about more than the database. */
export function wantedOf({ isolation, server }: MoveEnvironmentRequest, now: ShownPlacements): Wanted {
  for (const kind of ["storage", "cache", "compute"] as const) {
    const wanted = isolation?.[kind];
    const level = kind === "compute" ? "shared" : now[kind]?.level;
    if (wanted === undefined || wanted === level) continue;
    const message = `The ${kind} can't be moved: its level is decided when a tenant is made.`;
    throw failure("isolation_unavailable", {
      detail: message,
      errors: [{ pointer: `/isolation/${kind}`, message }],
      remedy: "Move the database alone, or clone the tenant to the levels that it should have.",
    });
  }
  return { level: isolation?.database, server };
}

/**
 * Begins to carry an environment's database to another level, another server, or both; answers the operation's UUID.
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
  const { db } = deps;
  requireMovable(tenant, environment);
  const now = (await currentPlacements(db, [environment.id])).get(environment.id)!;
  const { level, server } = wantedOf(request, now);
  const source = await deps.placements.sourceOfRows(db, environment.id);
  const to = level ?? source.level;
  const serverId = server === undefined ? undefined : (await findServer(db, server)).id;
  if (to === source.level && (serverId === undefined || serverId === source.serverId)) {
    const where = serverId === undefined ? "" : " on this server";
    throw failure("illegal_transition", {
      detail: `${tenant.slug} has its database at the level ${to}${where} already.`,
    });
  }
  const input: MoveInput = {
    ...{ appId: source.appId, slug: tenant.slug, environment: environment.name, region: tenant.region },
    ...{ from: source.level, to, ...(serverId && { serverId }) },
  };
  await requirePlace(deps, { ...input, tenantId: tenant.id, environmentId: environment.id });
  return input;
}

/** Throws what keeps an environment from being moved there as things stand. */
export async function requirePlace(
  { db, placements, quotaOf }: Pick<MoveDependencies, "db" | "placements" | "quotaOf">,
  move: MoveInput & { tenantId: string; environmentId: string },
): Promise<void> {
  const { environmentId, region, to: level, serverId } = move;
  await placements.requireEligible(db, { level, region: region ?? undefined, environmentId, serverId });
  const source = await placements.sourceOfRows(db, environmentId);
  const { schemaVersion } = await findApp(db, showId("app", move.appId));
  requireFit({ source, level, schemaVersion });
  const { schemaVersion: version } = source;
  await placements.refuseKnownUnheld(db, { appId: move.appId, schemaVersion: version, level });
  if (level === "sqlite")
    requireSize(await placements.sizeOf(db, environmentId), await quotaOf(move.tenantId));
}
