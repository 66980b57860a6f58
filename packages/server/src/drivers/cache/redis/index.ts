import { createRedisCaches, parseRedisUrl, redisUrl } from "@tenantry/data";
import type { CacheDriver, CachePlace, CacheServer } from "../driver.ts";
import { type Administration, createAdministration, keysLike, saveUsers } from "./administer.ts";
import { cacheName, databaseOf, installationMark, isCacheName } from "./names.ts";
import { faultsOf, grant, revoke } from "./rights.ts";

/**
 * Caches in Redis. Each environment has a user of its own, whose rights end where its keys do; what makes the levels is
 * what else it shares: the server, the numbered database, or nothing. On a server where no users can be made, prefixes
 * alone keep environments apart, and applications keep to them.
 */
export function createRedisCacheDriver(options: { installationId: string }): CacheDriver {
  const administration = createAdministration();
  const caches = createRedisCaches();

  return {
    driver: "redis",
    nameFor: (environmentId, database) => cacheName(options.installationId, environmentId, database),
    async provision(context, place, environmentId) {
      const server = serverOf(place);
      const resource = resourceOf(place);
      await context.declareResource({ ...resource, detail: { environmentId } });
      await context.assertLease();
      await admit(administration, place, true);
      // Keys of before: of a cache of this name that was removed while its application still wrote.
      await unlinkAll(administration, server, place.name, context.signal);
      await context.resourcePresent(resource);
    },
    admit: (place, admitted) => admit(administration, place, admitted),
    handle: (place, generation) => caches.open({ url: urlFor(place), prefix: place.name, generation }),
    location: (place, generation) => ({
      driver: "redis",
      url: urlFor(place),
      prefix: place.name,
      generation,
    }),
    flush: async (place, signal) => ({
      keys: await unlinkAll(administration, serverOf(place), place.name, signal),
    }),
    measure: (place, signal) => measure(administration, place, signal),
    verify: (place) => verify(administration, place),
    async remove(context, place) {
      await context.assertLease();
      const server = serverOf(place);
      // First nobody may write any more; the user goes last, since by it what is left would be found.
      if (server.users && (await hasUser(administration, place))) {
        await administration.ask(server, revoke(place.name));
      }
      await unlinkAll(administration, server, place.name, context.signal);
      if (server.users) {
        await administration.ask(server, ["ACL", "DELUSER", place.name]);
        await saveUsers(administration, server);
      }
      await context.resourceRemoved(resourceOf(place));
    },
    list: async (server) =>
      server ? listNames(administration, server, installationMark(options.installationId)) : [],
    async close() {
      administration.close();
      caches.close();
    },
  };
}

function serverOf({ name, server }: CachePlace): CacheServer {
  databaseOf(name);
  if (server) return server;
  throw new Error(`The cache ${name} has no server.`);
}

const resourceOf = (place: CachePlace) => ({
  kind: "cache",
  driver: "redis",
  serverId: serverOf(place).id,
  physicalName: place.name,
});

/** How the environment's own user gets there; where it has none, whoever administers the server. */
function urlFor(place: CachePlace): string {
  const server = serverOf(place);
  const database = databaseOf(place.name);
  if (!server.users) return redisUrl(server.url, { ...parseRedisUrl(server.url), database });
  return redisUrl(server.url, { username: place.name, password: requirePassword(place), database });
}

function requirePassword({ name, password }: CachePlace): string {
  if (password) return password;
  throw new Error(`The cache ${name} has no password.`);
}

async function admit(administration: Administration, place: CachePlace, admitted: boolean): Promise<void> {
  const server = serverOf(place);
  if (!server.users) return;
  const { name } = place;
  const command = admitted ? grant(name, requirePassword(place), databaseOf(name)) : revoke(name);
  await administration.ask(server, command);
  await saveUsers(administration, server);
}

async function hasUser({ ask }: Administration, place: CachePlace): Promise<boolean> {
  return (await ask(serverOf(place), ["ACL", "GETUSER", place.name])) !== null;
}

async function verify({ ask }: Administration, place: CachePlace): Promise<string[]> {
  const server = serverOf(place);
  if (!server.users) return [];
  return faultsOf(await ask(server, ["ACL", "GETUSER", place.name]), place.name, databaseOf(place.name));
}

/** A user may write into database 0, too, before it selects its own. */
const databasesOf = (name: string): number[] => [...new Set([0, databaseOf(name)])];

async function unlinkAll(
  administration: Administration,
  server: CacheServer,
  name: string,
  signal: AbortSignal,
): Promise<number> {
  let count = 0;
  for (const database of databasesOf(name)) {
    for await (const keys of keysLike(administration, server, { pattern: `${name}:*`, database, signal })) {
      count += (await administration.ask(server, ["UNLINK", ...keys], database)) as number;
    }
  }
  return count;
}

async function measure(administration: Administration, place: CachePlace, signal: AbortSignal) {
  const server = serverOf(place);
  const usage = { keys: 0, bytes: 0 };
  for (const database of databasesOf(place.name)) {
    const seen = new Set<string>();
    for await (const keys of keysLike(administration, server, {
      pattern: `${place.name}:*`,
      database,
      signal,
    })) {
      for (const key of keys) {
        if (seen.has(key)) continue;
        seen.add(key);
        usage.bytes +=
          ((await administration.ask(server, ["MEMORY", "USAGE", key], database)) as number) ?? 0;
      }
    }
    usage.keys += seen.size;
  }
  return usage;
}

async function listNames(
  administration: Administration,
  server: CacheServer,
  mark: string,
): Promise<string[]> {
  const ours = (name: string) => name.startsWith(mark) && isCacheName(name);
  if (server.users) return ((await administration.ask(server, ["ACL", "USERS"])) as string[]).filter(ours);
  const names = new Set<string>();
  const where = { pattern: `${mark}*`, database: 0, signal: AbortSignal.timeout(60_000) };
  for await (const keys of keysLike(administration, server, where)) {
    for (const key of keys) names.add(key.slice(0, key.indexOf(":")));
  }
  return [...names].filter(ours);
}
