import type { CacheServerReply, CreateCacheServerRequest } from "@tenantry/contract";
import { type CacheDriver, checkCacheServer } from "../../drivers/cache/index.ts";
import { type Db, inTransaction, type Tx } from "../../infra/db/index.ts";
import type { Secrets } from "../../infra/secrets/index.ts";
import { failure, newId, parseId, showId } from "../../kernel/index.ts";
import { deleteAppCache, selectAppCachesOn, updateAppCacheMade } from "./app-caches.sql.ts";
import { type CachePlaces, levelsOn, openCacheServer, sealCacheServer } from "./places.ts";
import {
  type CacheServerRow,
  deleteCacheServer,
  hasCacheResources,
  insertCacheServer,
  lockCacheServers,
  selectCacheServer,
} from "./servers.sql.ts";

/**
 * Registers a Redis after trying it out. Throws `server_unreachable` saying what is missing, `isolation_unavailable` when it
 * can't do what it is for, or `name_taken`.
 */
export async function addCacheServer(
  db: Db,
  secrets: Secrets,
  request: CreateCacheServerRequest,
): Promise<CacheServerReply> {
  const check = await checkCacheServer(request.url);
  if (!check.usable) {
    const errors = check.missing.map((message) => ({ pointer: "/url", message }));
    throw failure("server_unreachable", { detail: check.missing.join(" "), errors });
  }
  if (request.purpose === "own" && !check.users) {
    const message = `A server of its own has to keep others out. ${check.warnings.join(" ")}`;
    throw failure("isolation_unavailable", { detail: message, errors: [{ pointer: "/url", message }] });
  }
  const id = newId();
  const { version, users, databases } = check;
  const capacity = request.purpose === "own" ? 1 : request.capacity;
  const secret = sealCacheServer(secrets, id, request.url);
  const { name, purpose, region = null } = request;
  const row = { id, name, purpose, secret, version, users, databases, region, capacity };
  await inTransaction(db, async (tx) => {
    if (await insertCacheServer(tx, row)) return;
    throw failure("name_taken", { detail: `There is a cache server "${name}" already.` });
  });
  const added = (await selectCacheServer(db, { id }))!;
  return { ...showCacheServer(secrets, added), warnings: check.warnings };
}

/**
 * Takes a server out that no cache stands on, and from it what applications' tenants shared there. Throws
 * `illegal_transition` while environments have their caches on it.
 */
export async function removeCacheServer(
  { db, places }: { db: Db; places: CachePlaces },
  idOrName: string,
): Promise<void> {
  const { id } = await findCacheServer(db, idOrName);
  const driver = (await places.all(db)).find(({ serverId }) => serverId === id)?.driver;
  if (!driver) throw failure("server_not_found");
  const shared = await inTransaction(db, async (tx) => {
    await requireUnused(tx, id);
    const rows = await selectAppCachesOn(tx, id);
    // From here on applications do without.
    for (const { appId } of rows) await updateAppCacheMade(tx, appId, false);
    return rows;
  });
  for (const { name } of shared) await removeShared(driver, name);
  await inTransaction(db, async (tx) => {
    await requireUnused(tx, id);
    for (const { appId } of shared) await deleteAppCache(tx, appId);
    await deleteCacheServer(tx, id);
  });
}

async function requireUnused(tx: Tx, id: string): Promise<void> {
  await lockCacheServers(tx);
  const server = await selectCacheServer(tx, { id });
  if (!server) throw failure("server_not_found");
  if (server.used === 0 && !(await hasCacheResources(tx, id))) return;
  throw failure("illegal_transition", {
    detail: `Caches stand on the server "${server.name}".`,
    remedy: "Delete the tenants that have their caches there first.",
  });
}

/** Nothing but the row says that it is there, so that nothing else has to be told. */
function removeShared(driver: CacheDriver, name: string): Promise<void> {
  const nothing = async () => undefined;
  return driver.remove(
    {
      operationId: newId(),
      fence: 0,
      signal: AbortSignal.timeout(60_000),
      assertLease: nothing,
      declareResource: nothing,
      resourcePresent: nothing,
      resourceRemoved: nothing,
    },
    name,
  );
}

/** Finds a server by its id (`csr_…`) or its name; `server_not_found` when there is none. */
export async function findCacheServer(db: Db | Tx, idOrName: string): Promise<CacheServerRow> {
  const id = parseId("csr", idOrName);
  const server = await selectCacheServer(db, id ? { id } : { name: idOrName });
  if (!server) throw failure("server_not_found", { detail: "There is no such cache server." });
  return server;
}

/** A server as the API shows it: where, never with which password. */
export function showCacheServer(secrets: Secrets, row: CacheServerRow): CacheServerReply {
  return {
    id: showId("csr", row.id),
    name: row.name,
    purpose: row.purpose,
    host: new URL(openCacheServer(secrets, row).url).host,
    version: row.version,
    levels: levelsOn(row),
    region: row.region,
    capacity: row.capacity,
    caches: row.used,
    createdAt: row.createdAt.toISOString(),
  };
}
