import type { TenantReply } from "@tenantry/contract";
import type { Db, Tx } from "../../infra/db/index.ts";
import { showId } from "../../kernel/index.ts";
import { type EnvironmentRow, selectEnvironmentsOf } from "../environments/index.ts";
import { currentPlacements, type ShownPlacements } from "../placements/index.ts";
import { selectHosts } from "../routing/index.ts";
import { ancestorsOf, inherit, type TenantRow } from "../tenants/index.ts";

/** How a tenant's address is written: `http://<host>:8585/`. */
export type PublicUrl = (hostname: string) => string;

/** Tenants as the API shows them, with their environments and where those live: five queries for any number. */
export async function showTenants(
  db: Db | Tx,
  tenants: readonly TenantRow[],
  publicUrl: PublicUrl,
): Promise<TenantReply[]> {
  const tenantIds = tenants.map((tenant) => tenant.id);
  const environments = await selectEnvironmentsOf(db, tenantIds);
  const environmentIds = environments.map((environment) => environment.id);
  const hosts = await selectHosts(db, environmentIds);
  const ancestors = await ancestorsOf(
    db,
    tenants.filter(({ parentId }) => parentId !== null).map(({ id }) => id),
  );
  const placements = await currentPlacements(db, environmentIds);
  return tenants.map((tenant) => ({
    id: showId("tnt", tenant.id),
    slug: tenant.slug,
    clientId: tenant.clientId,
    name: tenant.name,
    status: tenant.status,
    statusReason: tenant.statusReason,
    app: tenant.appSlug,
    plan: tenant.plan,
    region: tenant.region,
    groups: tenant.groups,
    parentId: tenant.parentId && showId("tnt", tenant.parentId),
    parent: ancestors.get(tenant.id)?.[0]?.slug ?? null,
    visibleToParent: tenant.visibleToParent,
    inherited: {
      plan: inherit(tenant, ancestors.get(tenant.id), "plan"),
      logoUrl: inherit(tenant, ancestors.get(tenant.id), "logoUrl"),
    },
    template: tenant.templateName ? { name: tenant.templateName, revision: tenant.templateRevision! } : null,
    timezone: tenant.timezone,
    language: tenant.language,
    logoUrl: tenant.logoUrl,
    deleteAt: tenant.deleteAt?.toISOString() ?? null,
    createdAt: tenant.createdAt.toISOString(),
    updatedAt: tenant.updatedAt.toISOString(),
    environments: environments
      .filter((environment) => environment.tenantId === tenant.id)
      .map((environment) => {
        const hostname = hosts.find((host) => host.environmentId === environment.id)?.hostname;
        return showEnvironment(
          environment,
          hostname ? publicUrl(hostname) : "",
          placements.get(environment.id)!,
        );
      }),
  }));
}

function showEnvironment(environment: EnvironmentRow, url: string, placements: ShownPlacements) {
  return {
    id: showId("env", environment.id),
    name: environment.name,
    status: environment.moving && environment.status === "ready" ? "maintenance" : environment.status,
    url,
    maintenance:
      environment.status === "maintenance"
        ? {
            message: environment.maintenanceMessage,
            retryAfterSeconds: environment.maintenanceRetryAfterSeconds,
          }
        : null,
    placements: { ...placements, compute: { level: "shared" } },
  };
}
