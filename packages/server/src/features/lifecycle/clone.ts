import type { CloneTenantRequest } from "@tenantry/contract";
import { inTransaction, type Tx } from "../../infra/db/index.ts";
import type { Workflow } from "../../infra/workflow/index.ts";
import { failure, invalidField, showId } from "../../kernel/index.ts";
import { preparePassword } from "../access/index.ts";
import { selectEnvironmentsOf } from "../environments/index.ts";
import { currentPlacements, type Placements } from "../placements/index.ts";
import { copySettings } from "../settings/index.ts";
import {
  findTenant,
  lockHierarchy,
  requireParent,
  requireSlugForm,
  requireTenantStatus,
  type TenantRow,
} from "../tenants/index.ts";
import type { CloneInput } from "./clone-workflow.ts";
import { type CreateDependencies, findReadyApp } from "./create.ts";
import { enrol } from "./enrol.ts";
import { type Isolation, resolveIsolation } from "./isolation.ts";

export type CloneDependencies = Pick<CreateDependencies, "db" | "settings" | "rootDomain" | "levels"> & {
  clone: Workflow<CloneInput>;
  placements: Pick<Placements, "requireEligible" | "sourceOfRows">;
};

type Source = { tenant: TenantRow; environmentId: string; schemaVersion: number; isolation: Isolation };

/**
 * Registers a tenant like another one and starts to fill it with what that one has; the other goes on meanwhile. What is
 * copied is what is there when each step comes to it. A suspended tenant can be copied, one on its way in or out can't
 * (`illegal_transition`).
 */
export async function cloneTenant(
  deps: CloneDependencies,
  sourceIdOrSlug: string,
  request: CloneTenantRequest,
  requestedBy: string,
): Promise<{ tenantId: string; operationId: string }> {
  const { db, settings } = deps;
  requireSlugForm(request.slug);
  // What is wrong with the request is told before what is wrong with the source.
  const { parentId: parent } = request;
  if (parent) await inTransaction(db, (tx) => requireParent(tx, parent));
  const source = await findSource(deps, sourceIdOrSlug);
  const { name } = request;
  const wanted = { ...source.isolation, ...request.isolation };
  const isolation = resolveIsolation({ name, isolation: wanted }, wanted.database, await deps.levels(db));
  const admin = await adminOf(request);
  const app = await findReadyApp(db, source.tenant.appSlug);
  const maxTenants = await settings.get<number>(db, "maxTenants");
  const { region } = source.tenant;
  return inTransaction(db, async (tx) =>
    enrol<CloneInput>(tx, deps, {
      ...{ slug: request.slug, parentId: await parentOf(tx, source.tenant, request), app },
      request: { ...likeness(source.tenant), name },
      ...{ level: isolation.database, maxTenants, requestedBy },
      giveSettings: async ({ tenantId, environmentId }) => {
        const tenants = { from: source.tenant.id, to: tenantId };
        await copySettings(tx, { scope: "tenant", ...tenants }, requestedBy);
        const environments = { from: source.environmentId, to: environmentId };
        await copySettings(tx, { scope: "environment", ...environments }, requestedBy);
      },
      workflow: deps.clone,
      input: {
        ...{ appId: app.id, isolation, region, admin, schemaVersion: source.schemaVersion },
        source: { tenantId: source.tenant.id, environmentId: source.environmentId },
        include: request.include,
      },
    }),
  );
}

async function findSource({ db, placements }: CloneDependencies, idOrSlug: string): Promise<Source> {
  const tenant = await findTenant(db, idOrSlug);
  // The platform's own stand in no list, and are nobody's to copy.
  if (tenant.internal) throw failure("tenant_not_found", { detail: "There is no such tenant." });
  requireTenantStatus(tenant, ["active", "suspended"], "cloned");
  const environments = await selectEnvironmentsOf(db, [tenant.id]);
  const environment = environments.find(({ name }) => name === "production");
  if (!environment || !["ready", "maintenance"].includes(environment.status))
    throw failure("illegal_transition", {
      detail: `The tenant's environment is ${environment?.status ?? "missing"}: it can't be cloned now.`,
    });
  const { level, schemaVersion } = await placements.sourceOfRows(db, environment.id);
  const shown = (await currentPlacements(db, [environment.id])).get(environment.id)!;
  const levelOf = (kind: "storage" | "cache") => (shown[kind]?.level ?? "prefix") as never;
  return {
    ...{ tenant, environmentId: environment.id, schemaVersion },
    isolation: { database: level, storage: levelOf("storage"), cache: levelOf("cache"), compute: "shared" },
  };
}

async function adminOf({ admin, include }: CloneTenantRequest) {
  if (!admin) return undefined;
  if (include.users)
    throw invalidField("/admin", "The source's users are copied: its admins are the copy's.");
  const { email, password } = admin;
  return { email, passwordHash: await preparePassword(password, email, "/admin/password") };
}

async function parentOf(tx: Tx, source: TenantRow, { parentId }: CloneTenantRequest): Promise<string | null> {
  const wanted = parentId === undefined ? source.parentId && showId("tnt", source.parentId) : parentId;
  if (!wanted) return null;
  await lockHierarchy(tx);
  return (await requireParent(tx, wanted)).id;
}

/** What the copy has from its source, unless it was asked otherwise. */
function likeness({ plan, region, groups, timezone, language, logoUrl }: TenantRow) {
  const given = { plan: plan ?? undefined, region: region ?? undefined, logoUrl: logoUrl ?? undefined };
  return { ...given, groups, timezone, language };
}
