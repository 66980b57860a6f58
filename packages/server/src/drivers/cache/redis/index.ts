import { createHmac, randomBytes } from "node:crypto";
import { createRedisCaches, parseRedisUrl, type RedisCaches, redisUrl } from "@tenantry/data";
import type { CacheDriver, CacheUsage } from "../driver.ts";
import { type Administration, createAdministration, keysLike, saveUsers } from "./administer.ts";
import { putAll, readAll } from "./entries.ts";
import { cacheName, databaseOf, installationMark, isCacheName } from "./names.ts";
import { faultsOf, grant, reference, revoke } from "./rights.ts";

/** A server that caches stand on. */
export type RedisServer = {
  id: string;
  /** By which we administer it. */
  url: string;
  /** Whether rights can be given to users of their own there; if not, applications get the server's own URL. */
  users: boolean;
  /** What users' passwords are derived from. */
  key: Buffer;
  /** Of the step that asks. */
  signal?: AbortSignal | undefined;
};

/** The connections that drivers of several servers share. */
export type RedisLink = { administration: Administration; caches: RedisCaches; close(): void };

export function createRedisLink(): RedisLink {
  const [administration, caches] = [createAdministration(), createRedisCaches()];
  return {
    ...{ administration, caches },
    close() {
      administration.close();
      caches.close();
    },
  };
}

export type RedisDriverOptions = {
  installationId: string;
  server: RedisServer;
  link: RedisLink;
  /** The numbered database that a new cache gets; 0 when left out. */
  database?: number | undefined;
};

/**
 * Caches on one Redis. Each environment has a user of its own, whose rights end where its keys do; what makes the levels
 * is what else it shares: the server, the numbered database, or nothing. On a server where no users can be made, prefixes
 * alone keep environments apart, and applications keep to them.
 */
export function createRedisCacheDriver(options: RedisDriverOptions): CacheDriver {
  const { installationId, server, link, database } = options;
  const { administration, caches } = link;
  const ask = (at: RedisServer, ...command: string[]) => administration.ask(at, command);
  const resourceOf = (name: string) => ({
    ...{ kind: "cache", driver: "redis", serverId: server.id, physicalName: requireName(name) },
  });
  const mark = installationMark(installationId);

  async function admit(at: RedisServer, name: string, admitted: boolean): Promise<void> {
    const own = databaseOf(name);
    if (!server.users) return;
    await ask(at, ...(admitted ? grant(name, passwordOf(server, name), own) : revoke(name)));
    await saveUsers(administration, at);
  }

  return {
    driver: "redis",
    nameFor: (environmentId) => cacheName(installationId, environmentId, database),
    async provision(context, name, environmentId) {
      await context.declareResource({ ...resourceOf(name), detail: { environmentId } });
      await context.assertLease();
      const { signal } = context;
      const at = { ...server, signal };
      await admit(at, name, true);
      // Of a cache of this name that was removed while its application still wrote.
      await unlinkAll(link, at, name, signal);
      await context.resourcePresent(resourceOf(name));
    },
    admit: (name, admitted) => admit(server, name, admitted),
    handle: (name, generation) => caches.open({ url: urlOf(server, name), prefix: name, generation }),
    location: (name) => ({ driver: "redis", url: urlOf(server, name), prefix: name }),
    flush: async (name, signal) => ({ keys: await unlinkAll(link, server, requireName(name), signal) }),
    measure: (name, signal) => measure(link, server, requireName(name), signal),
    verify: (name) => verify(link, server, name),
    readAll: (place, signal) => readAll(administration, { ...server, signal }, place, signal),
    putAll: (place, entries, signal) => putAll(administration, { ...server, signal }, place, entries),
    async remove(context, name) {
      requireName(name);
      const { signal } = context;
      const at = { ...server, signal };
      await context.assertLease();
      // First nobody may write any more; the user goes last, since by it what is left would be found.
      if (server.users && (await ask(at, "ACL", "GETUSER", name)) !== null) await ask(at, ...revoke(name));
      await unlinkAll(link, at, name, signal);
      if (server.users) {
        await ask(at, "ACL", "DELUSER", name);
        await saveUsers(administration, at);
      }
      await context.resourceRemoved(resourceOf(name));
    },
    async list() {
      // Without users a cache is nothing but its keys, which go with it.
      if (!server.users) return undefined;
      const names = (await ask(server, "ACL", "USERS")) as string[];
      return names.filter((name) => name.startsWith(mark) && isCacheName(name));
    },
  };
}

async function verify({ administration }: RedisLink, server: RedisServer, name: string): Promise<string[]> {
  const database = databaseOf(name);
  if (!server.users) return [];
  const like = `tnk_like_${randomBytes(8).toString("hex")}`;
  const replies = await administration.askAll(server, [
    reference(like, database),
    ["ACL", "GETUSER", like],
    ["ACL", "GETUSER", name],
    ["ACL", "DELUSER", like],
  ]);
  const failed = replies.find((reply) => reply instanceof Error);
  if (failed) throw failed;
  return faultsOf(name, passwordOf(server, name), replies[2], replies[1]);
}

function requireName(name: string): string {
  databaseOf(name);
  return name;
}

/** Nobody has to keep it: whoever has the server's key knows it. */
function passwordOf({ key }: RedisServer, name: string): string {
  return createHmac("sha256", key).update(name).digest("base64url");
}

/** How the environment's own user gets there; where it has none, whoever administers the server. */
function urlOf(server: RedisServer, name: string): string {
  const database = databaseOf(name);
  if (!server.users) return redisUrl(server.url, { ...parseRedisUrl(server.url), database });
  return redisUrl(server.url, { username: name, password: passwordOf(server, name), database });
}

/** A user may write into database 0, too, before it selects its own. */
const databasesOf = (name: string): number[] => [...new Set([0, databaseOf(name)])];

/** Says since when a generation's keys count: it stands beside them, and the application didn't put it there. */
const isEpoch = (name: string, key: string): boolean => /^:\d+$/.test(key.slice(name.length));

type Where = { url: string };

async function unlinkAll(
  { administration }: RedisLink,
  server: Where,
  name: string,
  signal: AbortSignal,
): Promise<number> {
  let count = 0;
  for (const database of databasesOf(name)) {
    for await (const keys of keysLike(administration, server, { pattern: `${name}:*`, database, signal })) {
      const epochs = keys.filter((key) => isEpoch(name, key));
      const gone = (await administration.ask(server, ["UNLINK", ...keys], database)) as number;
      count += Math.max(0, gone - epochs.length);
    }
  }
  return count;
}

async function measure(
  { administration }: RedisLink,
  server: Where,
  name: string,
  signal: AbortSignal,
): Promise<CacheUsage> {
  const usage = { keys: 0, bytes: 0 };
  for (const database of databasesOf(name)) {
    const seen = new Set<string>();
    for await (const keys of keysLike(administration, server, { pattern: `${name}:*`, database, signal })) {
      const fresh = keys.filter((key) => !seen.has(key));
      for (const key of fresh) seen.add(key);
      const sizes = await administration.askAll(
        server,
        fresh.map((key) => ["MEMORY", "USAGE", key]),
        database,
      );
      // A key that went meanwhile has no size.
      for (const size of sizes) usage.bytes += typeof size === "number" ? size : 0;
    }
    usage.keys += [...seen].filter((key) => !isEpoch(name, key)).length;
  }
  return usage;
}
