import { bury, type Db, publish, type Tx } from "../../infra/db/index.ts";
import { selectEnvironmentsOf } from "../environments/index.ts";
import { findTenant, slugTaken } from "../tenants/index.ts";
import {
  deleteCustomRoutes,
  deleteCustomRoutesBelow,
  deleteExpiredRedirects,
  deleteRoutesOf,
  type NewRoute,
  redirectRoute,
  refreshRoutesOf,
  renameRootDomain,
  selectHosts,
  updateRouteProgress,
  upsertRoutes,
} from "./routing.sql.ts";

/** How long a renamed tenant's old host leads to its new one. */
const redirectDays = 30;

/** The host of an environment below the root domain: `acme.example.com`, `acme--staging.example.com`. */
export function environmentHost(slug: string, environment: string, rootDomain: string): string {
  return environment === "production" ? `${slug}.${rootDomain}` : `${slug}--${environment}.${rootDomain}`;
}

type SystemRoute = { environmentId: string; slug: string; environment: string; rootDomain: string };

/** Gives an environment its host below the root domain; `slug_taken` while that redirects elsewhere. Repeatable. */
export async function addSystemRoute(tx: Tx, route: SystemRoute): Promise<string> {
  await publish(tx, "routes", (version) => claimHost(tx, route, version));
  return environmentHost(route.slug, route.environment, route.rootDomain);
}

async function claimHost(tx: Tx, route: SystemRoute, version: number): Promise<string> {
  const { environmentId, slug } = route;
  const hostname = environmentHost(slug, route.environment, route.rootDomain);
  const routes = [{ hostname, environmentId }];
  if ((await upsertRoutes(tx, { kind: "system", routes }, version)).length === 1) return hostname;
  const detail = `${hostname} redirects to the tenant that had this slug before, for ${redirectDays} days.`;
  throw await slugTaken(tx, slug, detail);
}

/** Brings what gateways show of a tenant up to its present state. Call it late in the transaction. */
export async function refreshRoutes(tx: Tx, tenantId: string): Promise<void> {
  await publish(tx, "routes", (version) => refreshRoutesOf(tx, tenantId, version));
}

/** Shows visitors how far the provisioning of an environment is (0 to 1). */
export async function showProgress(tx: Tx, environmentId: string, progress: number): Promise<void> {
  await publish(tx, "routes", (version) => updateRouteProgress(tx, environmentId, progress, version));
}

/**
 * Lets domains of tenants' own lead to their environments, and others lead nowhere any more. Both are live within a
 * second. Answers the environments whose hosts are others now.
 */
export async function changeCustomRoutes(
  tx: Tx,
  { add, remove }: { add: readonly NewRoute[]; remove: readonly NewRoute[] },
): Promise<string[]> {
  if (add.length + remove.length === 0) return [];
  await publish(tx, "routes", async (version) => {
    // First: a hostname may go from one environment to another.
    await bury(tx, "routes", version, await deleteCustomRoutes(tx, remove));
    await upsertRoutes(tx, { kind: "custom", routes: add }, version);
  });
  return [...new Set([...add, ...remove].map(({ environmentId }) => environmentId))];
}

/** Moves the hosts of a renamed tenant: the new ones answer at once, the old ones redirect for 30 days. */
export async function renameSystemRoutes(
  tx: Tx,
  rename: {
    tenantId: string;
    environments: { id: string; name: string }[];
    from: string;
    to: string;
    rootDomain: string;
  },
): Promise<void> {
  await publish(tx, "routes", async (version) => {
    const { rootDomain } = rename;
    for (const { id: environmentId, name: environment } of rename.environments) {
      const to = await claimHost(tx, { environmentId, slug: rename.to, environment, rootDomain }, version);
      const from = environmentHost(rename.from, environment, rootDomain);
      await redirectRoute(tx, { from, to, days: redirectDays }, version);
    }
    await refreshRoutesOf(tx, rename.tenantId, version);
  });
}

/** The tenant's hosts answer 404 from now on. */
export async function removeRoutes(tx: Tx, tenantId: string): Promise<void> {
  await publish(tx, "routes", async (version) =>
    bury(tx, "routes", version, await deleteRoutesOf(tx, tenantId)),
  );
}

/** Forgets redirects whose 30 days are over. */
export async function removeExpiredRedirects(tx: Tx): Promise<number> {
  const hostnames = await deleteExpiredRedirects(tx);
  if (hostnames.length > 0) await publish(tx, "routes", (version) => bury(tx, "routes", version, hostnames));
  return hostnames.length;
}

/** Takes every tenant's own host below another root domain; the old names are forgotten. */
export async function moveRootDomain(tx: Tx, domain: { from: string; to: string }): Promise<void> {
  await publish(tx, "routes", async (version) => {
    // What lies below the root domain is the installation's from now on, whoever had it.
    const taken = await deleteCustomRoutesBelow(tx, domain.to);
    await bury(tx, "routes", version, [...taken, ...(await renameRootDomain(tx, domain, version))]);
  });
}

/** The host of a tenant's own site; undefined while there is none. Throws `tenant_not_found`. */
export async function findMainHost(db: Db, tenant: string): Promise<string | undefined> {
  const { id } = await findTenant(db, tenant);
  const [production] = await selectEnvironmentsOf(db, [id]);
  const [host] = production ? await selectHosts(db, [production.id]) : [];
  return host?.hostname;
}
