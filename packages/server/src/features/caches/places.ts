import { randomBytes } from "node:crypto";
import type { CacheLevel } from "@tenantry/contract";
import {
  type CacheDriver,
  type CacheLocation,
  createRedisCacheDriver,
  type RedisLink,
  type RedisServer,
} from "../../drivers/cache/index.ts";
import type { Db, Tx } from "../../infra/db/index.ts";
import type { Secrets } from "../../infra/secrets/index.ts";
import { failure } from "../../kernel/index.ts";
import type { Places, PlaceWanted } from "../placements/index.ts";
import { selectAppCachesOn } from "./app-caches.sql.ts";
import { type CacheServerRow, lockCacheServers, selectCacheServers } from "./servers.sql.ts";

/** A driver at work on one server, or in applications' processes. */
export type CacheOn = { driver: CacheDriver; serverId: string | null };

/** Every way in which this installation provides caches. */
export type CachePlaces = Omit<Places<CacheLocation>, "all"> & { all(db: Db | Tx): Promise<CacheOn[]> };

export type CachePlacesOptions = {
  installationId: string;
  secrets: Secrets;
  link: RedisLink;
  /** Where there is no server: in the memory of applications' processes. */
  memory: CacheDriver;
};

const secretContext = (serverId: string) => `cache_server:${serverId}`;

type ServerSecret = { url: string; key: string };

/** What is kept of a server, with a new key for its users' passwords. */
export function sealCacheServer(secrets: Secrets, id: string, url: string): Buffer {
  const secret: ServerSecret = { url, key: randomBytes(32).toString("base64") };
  return secrets.seal(JSON.stringify(secret), secretContext(id));
}

export function openCacheServer(
  secrets: Secrets,
  { id, secret, users }: Pick<CacheServerRow, "id" | "secret" | "users">,
): RedisServer {
  const opened = JSON.parse(secrets.open(secret, secretContext(id)).toString("utf8")) as ServerSecret;
  return { id, url: opened.url, users, key: Buffer.from(opened.key, "base64") };
}

export function createCachePlaces({
  installationId,
  secrets,
  link,
  memory,
}: CachePlacesOptions): CachePlaces {
  const inProcesses: CacheOn = { driver: memory, serverId: null };
  const on = (row: CacheServerRow, database?: number): CacheOn => ({
    driver: createRedisCacheDriver({ installationId, server: openCacheServer(secrets, row), link, database }),
    serverId: row.id,
  });

  return {
    drivers: [memory.driver, "redis"],
    async levels(db) {
      const servers = await selectCacheServers(db);
      const more = (["user", "database", "own"] as const).filter(
        (level) => withRoom(servers, level).length > 0,
      );
      return ["prefix", ...more];
    },
    async choose(tx, wanted) {
      const level = wanted.level as CacheLevel;
      // One database, and one server of its own, is for one environment: nobody else may choose it at the same time.
      if (level === "database" || level === "own") await lockCacheServers(tx);
      const { serverId } = wanted;
      if (serverId === null && level === "prefix") return { ...inProcesses, detail: {} };
      const offering = withRoom(await selectCacheServers(tx), level, wanted.region);
      const fitting = serverId === undefined ? offering : offering.filter(({ id }) => id === serverId);
      const server = fitting.find(({ id }) => id === wanted.near) ?? roomiest(fitting);
      if (!server && serverId === undefined && level === "prefix") return { ...inProcesses, detail: {} };
      if (!server) throw unavailable(wanted);
      const detail = { level, server: server.name };
      if (level !== "database") return { ...on(server), detail };
      const database = freeDatabase(server)!;
      return { ...on(server, database), detail: { ...detail, database } };
    },
    async all(db) {
      return [inProcesses, ...(await selectCacheServers(db)).map((row) => withoutShared(db, on(row)))];
    },
  };
}

/** What an application's tenants share stands there for a reason, too, though no placement names it. */
function withoutShared(db: Db | Tx, { driver, serverId }: CacheOn): CacheOn {
  return {
    serverId,
    driver: {
      ...driver,
      async list() {
        const names = await driver.list();
        const shared = new Set((await selectAppCachesOn(db, serverId!)).map(({ name }) => name));
        return names?.filter((name) => !shared.has(name));
      },
    },
  };
}

/** Who provided a cache that stands. Throws `server_not_found`. */
export function driverOf(
  all: readonly CacheOn[],
  cache: { driver: string; serverId: string | null },
): CacheDriver {
  const found = all.find(
    ({ driver, serverId }) => driver.driver === cache.driver && serverId === cache.serverId,
  );
  if (found) return found.driver;
  throw failure("server_not_found", {
    detail: "The server that the cache stood on isn't registered any more.",
  });
}

/** The levels at which a server can hold caches, whether or not it has room. */
export function levelsOn({ purpose, users, databases }: CacheServerRow): CacheLevel[] {
  if (purpose === "own") return ["own"];
  if (!users) return ["prefix"];
  return databases > 1 ? ["prefix", "user", "database"] : ["prefix", "user"];
}

/** The servers that have room for one more at that level. */
function withRoom(servers: readonly CacheServerRow[], level: CacheLevel, region?: string): CacheServerRow[] {
  return servers.filter(
    (server) =>
      levelsOn(server).includes(level) &&
      server.used < (level === "own" ? 1 : server.capacity) &&
      (level !== "database" || freeDatabase(server) !== undefined) &&
      (region === undefined || server.region === region),
  );
}

/** Never 0, which those have that share one. */
function freeDatabase({ databases, usedDatabases }: CacheServerRow): number | undefined {
  const used = new Set(usedDatabases);
  for (let number = 1; number < databases; number += 1) if (!used.has(number)) return number;
  return undefined;
}

function roomiest(servers: readonly CacheServerRow[]): CacheServerRow | undefined {
  const room = ({ capacity, used }: CacheServerRow) => capacity - used;
  return servers.toSorted((a, b) => room(b) - room(a))[0];
}

function unavailable({ level, region, serverId }: PlaceWanted): Error {
  const where = region === undefined ? "" : ` in the region ${region}`;
  if (serverId !== undefined) {
    return failure("isolation_unavailable", {
      detail: `The place that was asked for offers no cache at the level "${level}"${where}, or has no room.`,
      remedy: "See `tenantry cache list`, or leave the server out.",
    });
  }
  return failure("no_capacity", {
    detail: `No cache server${where} has room for a cache at the level "${level}".`,
    remedy: "Register one with `tenantry cache add`.",
  });
}
