import type { Tx } from "../../infra/db/index.ts";
import { recordEvent } from "../../infra/events/index.ts";
import { type GivenUp, selectGivenUp } from "../placements/index.ts";
import { freeCaughtUp, type HeldEnvironment, holdBehind } from "./hold.sql.ts";
import { refreshUpstream } from "./upstreams.ts";

/** Brings what gateways show of tenants up to their present state; features above this one know how. */
export type RefreshRoutes = (tx: Tx, tenantId: string) => Promise<void>;

/**
 * Around the change of an app's release, in its transaction: environments whose database couldn't follow keep the
 * release that they have, and those that were held back before and have caught up go along. `change` is told its event.
 */
export async function switchWithHolds(
  tx: Tx,
  refreshRoutes: RefreshRoutes,
  to: { appId: string; schemaVersion: number },
  change: () => Promise<void>,
): Promise<void> {
  const held = await holdBehind(tx, to);
  const freed = await freeCaughtUp(tx, to);
  await change();
  for (const environment of held) await tell(tx, "environment.held-back", environment);
  for (const environment of freed) await tell(tx, "environment.caught-up", environment);
  await refresh(tx, refreshRoutes, to.appId, [...held, ...freed]);
}

/** Sends environments that were held back to the app's current release as soon as their database has its schema. */
export async function freeEnvironments(
  tx: Tx,
  refreshRoutes: RefreshRoutes,
  to: { appId: string; schemaVersion: number },
): Promise<void> {
  const freed = await freeCaughtUp(tx, to);
  if (freed.length === 0) return;
  for (const environment of freed) await tell(tx, "environment.caught-up", environment);
  await refresh(tx, refreshRoutes, to.appId, freed);
}

async function refresh(
  tx: Tx,
  refreshRoutes: RefreshRoutes,
  appId: string,
  changed: readonly HeldEnvironment[],
): Promise<void> {
  // Where a release answers is known before anybody is sent there.
  await refreshUpstream(tx, appId);
  for (const tenantId of new Set(changed.map((one) => one.tenantId))) await refreshRoutes(tx, tenantId);
}

async function tell(
  tx: Tx,
  name: "environment.held-back" | "environment.caught-up",
  { id, name: environment, tenantId, slug, release, internal }: HeldEnvironment,
): Promise<void> {
  if (internal) return;
  await recordEvent(tx, { name, tenantId, environmentId: id, data: { slug, environment, release } });
}

/** Tells of every environment in a database that couldn't be migrated. */
export async function tellGivenUp(
  tx: Tx,
  {
    operationId,
    databaseId,
    schemaVersion,
  }: { operationId: string; databaseId: string; schemaVersion: number },
): Promise<void> {
  for (const { environmentId, environment, tenantId, slug, error } of await selectGivenUp(tx, operationId, {
    limit: 100_000,
    databaseId,
  })) {
    const data = { slug, environment, schemaVersion, reason: error.detail ?? error.title };
    await recordEvent(tx, { name: "environment.migration-failed", tenantId, environmentId, data });
  }
}

/** Names those whose databases an operation gave up, in a sentence each; the first few. */
export function describeGivenUp(some: readonly GivenUp[], total: number): string {
  const told = some.map(
    ({ slug, environment, error }) =>
      `${environment === "production" ? slug : `${slug}--${environment}`}: ${error.detail ?? error.title}`,
  );
  const more = total - some.length;
  return more > 0 ? `${told.join(" ")} And ${more} more.` : told.join(" ");
}
