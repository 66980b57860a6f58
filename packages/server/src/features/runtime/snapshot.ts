import type { JsonWebKeyWithId, RuntimeEnvironment, RuntimeSnapshot } from "@tenantry/contract";
import { type Db, forgottenVersion, inTransaction, streamVersion, type Tx } from "../../infra/db/index.ts";
import { showId } from "../../kernel/index.ts";
import { selectHosts } from "../routing/index.ts";
import type { Settings } from "../settings/index.ts";
import { ancestorsOf, inherit } from "../tenants/index.ts";
import { beginning, endCursor, pageCursor, readCursor } from "./cursor.ts";
import { type RuntimeRow, selectChangedEnvironments, selectRemovedEnvironments } from "./runtime.sql.ts";

/** Where one environment's things are, as its application reaches them. */
export type Places = Pick<RuntimeEnvironment, "database" | "storage" | "cache">;

export type SnapshotDeps = {
  db: Db;
  settings: Settings;
  /** The places of environments by their UUIDs. With passwords. */
  places: (tx: Tx, environmentIds: readonly string[]) => Promise<ReadonlyMap<string, Places>>;
  keys: () => Promise<{ keys: JsonWebKeyWithId[] }>;
  /** How many database backends a process of the application may hold. */
  budgets: (appId: string, processId: string | undefined) => Promise<RuntimeSnapshot["budgets"]>;
  /** Where its tenants share a cache. */
  globalCache?: (appId: string) => Promise<RuntimeSnapshot["globalCache"]>;
  /** The application's key for sealing jobs. */
  jobKey: (appId: string) => string;
  issuer: string;
};

export type SnapshotQuestion = { appId: string; processId?: string | undefined; since?: string | undefined };

const pageSize = 2_000;
const mostRemoved = 10_000;

/**
 * What an application's process has to know, from a cursor on. One page is one moment of the registry: nothing that is
 * committed later has a version at or below its cursor.
 */
export async function readSnapshot(deps: SnapshotDeps, question: SnapshotQuestion): Promise<RuntimeSnapshot> {
  const { appId, processId, since } = question;
  const [page, keys, budgets, globalCache] = await Promise.all([
    inTransaction(deps.db, (tx) => readPage(deps, tx, appId, since), { isolation: "repeatable read" }),
    deps.keys(),
    deps.budgets(appId, processId),
    deps.globalCache?.(appId),
  ]);
  const { issuer } = deps;
  return {
    ...page,
    keys,
    budgets,
    globalCache,
    audience: showId("app", appId),
    issuer,
    jobKey: deps.jobKey(appId),
  };
}

type Page = Pick<RuntimeSnapshot, "cursor" | "hasMore" | "full" | "environments" | "removed">;

async function readPage(deps: SnapshotDeps, tx: Tx, appId: string, since: string | undefined): Promise<Page> {
  const asked = since === undefined ? beginning : readCursor(since);
  const version = await streamVersion(tx, "runtime");
  const removed =
    since === undefined
      ? []
      : await selectRemovedEnvironments(tx, { appId, version: asked.removedVersion, limit: mostRemoved + 1 });
  // A cursor from the future belongs to a registry that was since restored; one far behind is cheaper to forget, and
  // what was removed before one that is still further behind isn't known any more.
  const full =
    asked === beginning ||
    asked.removedVersion > version ||
    asked.removedVersion < (await forgottenVersion(tx, "runtime")) ||
    removed.length > mostRemoved;
  const from = full ? beginning : asked;
  const rows = await selectChangedEnvironments(tx, { appId, ...from, limit: pageSize + 1 });
  const hasMore = rows.length > pageSize;
  const page = rows.slice(0, pageSize);
  return {
    cursor: hasMore ? pageCursor(page.at(-1)!, version) : endCursor(version),
    hasMore,
    full,
    environments: await describe(deps, tx, page),
    removed: full ? [] : removed.map((id) => showId("env", id)),
  };
}

async function describe(
  deps: SnapshotDeps,
  tx: Tx,
  rows: readonly RuntimeRow[],
): Promise<RuntimeEnvironment[]> {
  if (rows.length === 0) return [];
  const ids = rows.map(({ id }) => id);
  const hostnames = Map.groupBy(await selectHosts(tx, ids), ({ environmentId }) => environmentId);
  const above = await ancestorsOf(tx, [...new Set(rows.map(({ tenantId }) => tenantId))]);
  const settings = await deps.settings.forApplications(tx, {
    places: rows.map(({ id, tenantId }) => ({ environmentId: id, tenantId })),
    above,
  });
  const places = await deps.places(tx, ids);
  return rows.map((row) => ({
    id: showId("env", row.id),
    name: row.name,
    status: row.status,
    tenantId: showId("tnt", row.tenantId),
    tenantSlug: row.tenantSlug,
    tenantName: row.tenantName,
    tenantStatus: row.tenantStatus,
    hasChildren: row.hasChildren,
    plan: row.plan ?? inherit(row, above.get(row.tenantId), "plan")?.value ?? null,
    logoUrl: row.logoUrl ?? inherit(row, above.get(row.tenantId), "logoUrl")?.value ?? null,
    timezone: row.timezone,
    language: row.language,
    hostnames: (hostnames.get(row.id) ?? []).map(({ hostname }) => hostname),
    settings: settings.get(row.id) ?? {},
    ...places.get(row.id),
  }));
}
