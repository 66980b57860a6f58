import { prepareDomainAuthorities } from "../../drivers/certificates/index.ts";
import type { Tx } from "../../infra/db/index.ts";
import type { Secrets } from "../../infra/secrets/index.ts";
import { touchRuntime } from "../environments/index.ts";
import { changeCustomRoutes } from "../routing/index.ts";
import type { Settings } from "../settings/index.ts";
import { ancestorsOf } from "../tenants/index.ts";
import { isBelow } from "./hostname.ts";
import {
  lockRoutedDomains,
  type ProvenDomain,
  selectProvenDomains,
  selectRoutedDomains,
} from "./routed.sql.ts";

export type Settling = {
  settings: Pick<Settings, "forApplications">;
  secrets: Pick<Secrets, "seal">;
  rootDomain: string;
};

/**
 * Routes what is proven where the setting customDomains is on, and nothing else: of these tenants, or of all. Call it
 * late in the transaction, after what decides it was written and events were recorded: it takes the streams `routes` and
 * `runtime`. Repeatable.
 */
export async function settleDomains(deps: Settling, tx: Tx, tenantIds?: readonly string[]): Promise<void> {
  await lockRoutedDomains(tx);
  const wanted = await allowedDomains(deps, tx, await selectProvenDomains(tx, tenantIds));
  const routed = await selectRoutedDomains(tx, tenantIds);
  const keyOf = (one: { hostname: string; environmentId: string }) => `${one.hostname} ${one.environmentId}`;
  const wantedKeys = new Set(wanted.map(keyOf));
  const routedKeys = new Set(routed.map(keyOf));
  await prepareDomainAuthorities(tx, deps.secrets, wanted);
  const changed = await changeCustomRoutes(tx, {
    add: wanted.filter((one) => !routedKeys.has(keyOf(one))),
    remove: routed.filter((one) => !wantedKeys.has(keyOf(one))),
  });
  // Applications are told all of their hosts.
  await touchRuntime(tx, changed);
}

async function allowedDomains(
  { settings, rootDomain }: Settling,
  tx: Tx,
  proven: readonly ProvenDomain[],
): Promise<ProvenDomain[]> {
  if (proven.length === 0) return [];
  const above = await ancestorsOf(tx, [...new Set(proven.map(({ tenantId }) => tenantId))]);
  const values = await settings.forApplications(tx, { places: proven, above });
  return proven.filter(
    // Another root domain may have come to lie above a domain that was proven before.
    (one) => values.get(one.environmentId)?.customDomains === true && !isBelow(one.hostname, rootDomain),
  );
}
