import { createRedisCaches, parseRedisUrl, type RedisCaches } from "@tenantry/data";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createMemoryCacheDriver, createRedisLink, type RedisLink } from "../../drivers/cache/index.ts";
import type { DriverContext } from "../../drivers/context.ts";
import { sql } from "../../infra/db/index.ts";
import type { Api } from "../../infra/http/index.ts";
import { silentLog } from "../../infra/log/index.ts";
import type { StepContext } from "../../infra/workflow/index.ts";
import { failure, newId } from "../../kernel/index.ts";
import { asOperator, createTestApi } from "../../testing/api.ts";
import { fresh } from "../../testing/fresh.ts";
import {
  insertApp,
  insertEnvironment,
  type TestPlacements,
  testPlacements,
} from "../../testing/placements.ts";
import { type TestRedis, testRedis } from "../../testing/redis.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import {
  type CachePlaces,
  type CacheUpkeep,
  cacheRoutes,
  createCachePlaces,
  createCacheUpkeep,
} from "./index.ts";

let link: RedisLink;
let house: TestPlacements;
let places: CachePlaces;
let caches: CacheUpkeep;
let api: Api;
let handles: RedisCaches;
let shared: TestRedis;
const servers: TestRedis[] = [];

beforeAll(async () => {
  link = createRedisLink();
  handles = createRedisCaches();
  const installationId = newId();
  house = await testPlacements({
    caches(secrets) {
      places = createCachePlaces({ installationId, secrets, link, memory: createMemoryCacheDriver() });
      return places;
    },
  });
  caches = createCacheUpkeep(places);
  const { db, secrets } = house;
  api = await createTestApi({ groups: [cacheRoutes({ db, secrets, caches })] });
  shared = await start();
  expect((await call("POST", "/v1/cache-servers", { name: "shared", url: shared.url })).status).toBe(201);
});
afterAll(async () => {
  await api.close();
  await house.close();
  link.close();
  handles.close();
  await Promise.all(servers.map((server) => server.stop()));
});

async function start(options?: Parameters<typeof testRedis>[0]): Promise<TestRedis> {
  const server = await testRedis(options);
  servers.push(server);
  return server;
}

async function call(method: "GET" | "POST" | "DELETE", url: string, payload?: object) {
  const response = await api.inject({ method, url, headers: asOperator, payload });
  return { status: response.statusCode, body: response.body ? response.json() : undefined };
}

const run = () => ({ db: house.db, log: silentLog, signal: AbortSignal.timeout(60_000) });

async function place(level: string, appId?: string, region?: string) {
  const environmentId = await insertEnvironment(house.db, appId ?? (await insertApp(house.db)));
  await house.run((context) => house.placements.placeCache(context, { environmentId, level, region }));
  return environmentId;
}

async function location(environmentId: string) {
  const found = await house.placements.runtimePlaces(house.db, [environmentId]);
  const { cache } = found.get(environmentId)!;
  if (cache?.driver !== "redis") throw new Error("It isn't in Redis.");
  return cache;
}

const open = async (environmentId: string) => handles.open(await location(environmentId));

const remove = (environmentId: string) =>
  house.run((context) => house.placements.removePlacements(context, { environmentId, kind: "cache" }));

const setStatus = (environmentId: string, status: string) =>
  sql`
    update tenants set status = ${status} from environments e where e.tenant_id = tenants.id and e.id = ${environmentId}
  `.execute(house.db);

/** The context's methods, to be replaced one by one. */
function bound(context: StepContext): DriverContext {
  return {
    operationId: context.operationId,
    fence: context.fence,
    signal: context.signal,
    assertLease: () => context.assertLease(),
    declareResource: (resource) => context.declareResource(resource),
    resourcePresent: (resource) => context.resourcePresent(resource),
    resourceRemoved: (resource) => context.resourceRemoved(resource),
  };
}

/** What stands on a server and in the registry that caches leave. */
async function traces(server = shared) {
  const users = (await server.ask("ACL", "USERS")) as string[];
  const keys: unknown[] = [];
  for (let database = 0; database < 4; database += 1)
    keys.push(...((await server.in(database, "KEYS", "tnk_*")) as []));
  return [...users.filter((name) => name.startsWith("tnk_")), ...keys];
}

test("caches at prefix and user stand on the shared server, each with a user of its own, and go without a trace", async () => {
  const before = await traces();
  for (const level of ["prefix", "user"]) {
    const [mine, theirs] = [await place(level), await place(level)];
    await (await open(mine)).set("a", "mine");
    await (await open(theirs)).set("a", "theirs");
    expect(await (await open(mine)).get("a")).toBe("mine");
    const confused = handles.open({ ...(await location(mine)), prefix: (await location(theirs)).prefix });
    expect(await confused.get("a")).toBeUndefined();
    expect(await house.placements.scanForLeftovers(house.db)).toEqual([]);
    await Promise.all([mine, theirs].map(remove));
    await remove(mine);
  }
  expect(await traces()).toEqual(before);
});

test("at the level database each has a number of its own, also when many come at once, until there are no more", async () => {
  const small = await start({ lines: ["databases 4"] });
  const region = fresh("region");
  await call("POST", "/v1/cache-servers", { name: fresh("small"), url: small.url, region });
  const appId = await insertApp(house.db);
  const placed = await Promise.all([1, 2, 3].map(() => place("database", appId, region)));
  const numbers = await Promise.all(
    placed.map(async (id) => parseRedisUrl((await location(id)).url).database),
  );
  expect(numbers.sort()).toEqual([1, 2, 3]);
  await expect(place("database", appId, region)).rejects.toMatchObject({ code: "no_capacity" });
  for (const id of placed) await (await open(id)).set("a", id);
  for (const id of placed) expect(await (await open(id)).get("a")).toBe(id);
  await remove(placed[0]!);
  const next = await place("database", appId, region);
  expect(await (await open(next)).get("a")).toBeUndefined();
  for (const id of [next, ...placed.slice(1)]) await remove(id);
  expect(await traces(small)).toEqual([]);
});

test("a server of its own is one environment's, and the next one's when it has left", async () => {
  const region = fresh("region");
  const levels = async () => (await house.placements.availableLevels(house.db)).cache;
  const own = await start();
  const added = await call("POST", "/v1/cache-servers", {
    name: fresh("own"),
    url: own.url,
    purpose: "own",
    region,
  });
  expect(added.body).toMatchObject({ levels: ["own"], capacity: 1 });
  expect(await levels()).toContain("own");
  const first = await place("own", undefined, region);
  expect(new URL((await location(first)).url).port).toBe(String(own.port));
  await expect(place("own", undefined, region)).rejects.toMatchObject({ code: "no_capacity" });
  await remove(first);
  const second = await place("own", undefined, region);
  await remove(second);
  expect(await traces(own)).toEqual([]);
});

test("what a worker made that died in the middle is swept away", async () => {
  const before = await traces();
  const environmentId = await insertEnvironment(house.db, await insertApp(house.db));
  const { driver } = (await places.all(house.db)).find(({ serverId }) => serverId !== null)!;
  const name = driver.nameFor(environmentId);
  for (const last of ["declareResource", "resourcePresent"] as const) {
    const dying = house.run((context) => {
      const die = async (resource: Parameters<typeof context.declareResource>[0]) => {
        if (last === "declareResource") await context.declareResource(resource);
        throw failure("invalid_request", { detail: "It died." });
      };
      return driver.provision({ ...bound(context), [last]: die }, name, environmentId);
    });
    await expect(dying).rejects.toMatchObject({ detail: "It died." });
    await house.sweeper.sweep();
    expect(await traces()).toEqual(before);
    const { rows } = await sql`select from resources where environment_id = ${environmentId}`.execute(
      house.db,
    );
    expect(rows).toEqual([]);
  }
});

test("a suspended tenant's user is put out, within connections that are open, too, and let in again afterwards", async () => {
  const id = await place("user");
  const cache = await open(id);
  await cache.set("a", 1);
  await setStatus(id, "suspended");
  await caches.settle(run());
  expect(await cache.get("a")).toBeUndefined();
  await expect(caches.repair(house.db, id)).rejects.toMatchObject({ code: "environment_unavailable" });
  await caches.check(run());
  expect(await cache.get("a")).toBeUndefined();
  await setStatus(id, "active");
  await caches.settle(run());
  expect(await cache.get("a")).toBe(1);
  await remove(id);
});

test("a Redis that lost its users in a restart gets them again: when one is missed, and at the next look", async () => {
  const forgetful = await start();
  const region = fresh("region");
  await call("POST", "/v1/cache-servers", { name: fresh("forgetful"), url: forgetful.url, region });
  const [asked, idle] = [await place("user", undefined, region), await place("user", undefined, region)];
  await forgetful.kill();
  await forgetful.start();
  const repairing = handles.open(await location(asked), { repair: () => caches.repair(house.db, asked) });
  const found = async () => {
    await repairing.set("a", 1);
    return repairing.get("a");
  };
  await expect.poll(found).toBe(1);
  expect(await caches.repair(house.db, asked)).toBe(false);
  await caches.check(run());
  const cache = await open(idle);
  await cache.set("b", 2);
  expect(await cache.get("b")).toBe(2);
  for (const id of [asked, idle]) await remove(id);
});

test("a server that is away is asked once, and keeps nobody from the others", async () => {
  const gone = await start();
  const region = fresh("region");
  await call("POST", "/v1/cache-servers", { name: fresh("gone"), url: gone.url, region });
  const unreachable = [await place("user", undefined, region), await place("user", undefined, region)];
  const reachable = await place("user");
  const cache = await open(reachable);
  await cache.set("a", 1);
  await gone.kill();
  for (const id of [...unreachable, reachable]) await setStatus(id, "suspended");
  const warnings: unknown[] = [];
  const log = { ...silentLog, warn: (about: unknown) => void warnings.push(about) } as typeof silentLog;
  await caches.settle({ ...run(), log });
  expect(warnings).toHaveLength(1);
  expect(await cache.get("a")).toBeUndefined();
  await gone.start();
  await expect
    .poll(
      async () => {
        await caches.settle(run());
        const { rows } = await sql`
        select from placements where environment_id = any (${unreachable}::uuid[]) and not admitted
      `.execute(house.db);
        return rows.length;
      },
      { timeout: 20_000 },
    )
    .toBe(2);
  for (const id of [...unreachable, reachable]) await remove(id);
});

test("an operation that a server which was away kept from its end goes on by itself when that answers again", async () => {
  const gone = await start();
  const region = fresh("region");
  await call("POST", "/v1/cache-servers", { name: fresh("gone"), url: gone.url, region });
  const environmentId = await insertEnvironment(house.db, await insertApp(house.db));
  const operationId = await house.startWork(
    async (context) => {
      await house.placements.placeCache(context, { environmentId, level: "user", region });
      await gone.kill();
      throw failure("forbidden", { detail: "It was never meant to be." });
    },
    (context) => house.placements.removePlacements(context, { environmentId, kind: "cache" }),
  );
  const look = () => house.placements.checkServers({ db: house.db, log: silentLog });
  expect(await house.ended(operationId)).toBe("needs_operator");
  await sql`update operation_steps set started_at = started_at - interval '1 hour', ended_at = ended_at - interval '1 hour'
    where operation_id = ${operationId}`.execute(house.db);
  await look();
  expect(await house.ended(operationId)).toBe("needs_operator");
  await gone.start();
  await waitUntil("it is undone", async () => {
    await look();
    return (await house.ended(operationId)) === "failed";
  });
  expect(await traces(gone)).toEqual([]);
});

test("what an application's tenants share is made by itself, is no tenant's, and goes with its server", async () => {
  const server = await start();
  const region = fresh("region");
  const name = fresh("sharing");
  await call("POST", "/v1/cache-servers", { name, url: server.url, region });
  const [appId, otherApp] = [await insertApp(house.db), await insertApp(house.db)];
  const [mine, theirs] = [await place("user", appId, region), await place("user", otherApp, region)];
  expect(await caches.shared(house.db, appId)).toBeUndefined();
  await caches.settle(run());
  const [one, other] = [await caches.shared(house.db, appId), await caches.shared(house.db, otherApp)];
  if (one?.driver !== "redis" || other?.driver !== "redis") throw new Error("It isn't in Redis.");
  const rates = handles.open({ ...one, name: "rates" });
  await rates.set("EUR", 1.1);
  expect(await rates.get("EUR")).toBe(1.1);
  expect(await handles.open({ ...other, name: "rates" }).get("EUR")).toBeUndefined();
  // Neither a tenant's user nor another application's reaches it.
  for (const { url } of [await location(mine), other]) {
    expect(await handles.open({ ...one, url, name: "rates" }).get("EUR")).toBeUndefined();
  }
  expect(await house.placements.scanForLeftovers(house.db)).toEqual([]);
  await server.ask("ACL", "DELUSER", one.prefix);
  expect(await caches.repairShared(house.db, appId)).toBe(true);
  expect(await rates.get("EUR")).toBe(1.1);
  const refused = await call("DELETE", `/v1/cache-servers/${name}`);
  expect([refused.status, refused.body.code]).toEqual([409, "illegal_transition"]);
  for (const id of [mine, theirs]) await remove(id);
  expect((await call("DELETE", `/v1/cache-servers/${name}`)).status).toBe(204);
  expect(await traces(server)).toEqual([]);
  expect(await caches.shared(house.db, appId)).toBeUndefined();
});

test("a tenant's caches are measured and emptied through the API, a neighbour's stay", async () => {
  const [mine, theirs] = [await place("user"), await place("user")];
  const tenantOf = async (id: string) => {
    const { rows } = await sql<{ slug: string }>`
      select slug from tenants t join environments e on e.tenant_id = t.id where e.id = ${id}
    `.execute(house.db);
    return rows[0]!.slug;
  };
  for (const id of [mine, theirs]) {
    const cache = await open(id);
    for (let number = 0; number < 50; number += 1) await cache.set(`key ${number}`, "x".repeat(100));
  }
  const path = `/v1/tenants/${await tenantOf(mine)}`;
  const usage = (await call("GET", `${path}/cache`)).body;
  expect(usage.keys).toBe(50);
  expect(usage.bytes).toBeGreaterThan(5_000);
  const moving = (now: boolean) =>
    sql`update environments set moving = ${now} where id = ${mine}`.execute(house.db);
  await moving(true);
  expect((await call("POST", `${path}/flush-cache`)).body).toMatchObject({ code: "operation_in_progress" });
  await moving(false);
  expect((await call("POST", `${path}/flush-cache`)).body).toEqual({ keys: 50 });
  expect((await call("GET", `${path}/cache`)).body).toEqual({ keys: 0, bytes: 0 });
  expect(await (await open(mine)).has("key 1")).toBe(false);
  expect(await (await open(theirs)).has("key 1")).toBe(true);
  for (const id of [mine, theirs]) await remove(id);
});

test("where there is no room on a server, prefix means the processes' own memory, which a flush gives a new generation", async () => {
  const nowhere = fresh("region");
  const environmentId = await place("prefix", undefined, nowhere);
  const find = async () =>
    (await house.placements.runtimePlaces(house.db, [environmentId])).get(environmentId)!.cache!;
  const before = await find();
  expect(before.driver).toBe("memory");
  expect(await caches.flush(house.db, [environmentId], AbortSignal.timeout(5_000))).toEqual({ keys: null });
  expect(await find()).toEqual({ ...before, generation: before.generation + 1 });
  for (const level of ["user", "database", "own"]) {
    await expect(place(level, undefined, nowhere)).rejects.toMatchObject({ code: "no_capacity" });
  }
  await remove(environmentId);
});

test("a server is tried out before it is taken, shown without its password, and its secrets are ciphertext", async () => {
  const unreachable = await call("POST", "/v1/cache-servers", {
    name: "gone",
    url: "redis://a:sesame@127.0.0.1:1",
  });
  expect([unreachable.status, unreachable.body.code]).toEqual([422, "server_unreachable"]);
  expect(JSON.stringify(unreachable.body)).not.toContain("sesame");
  const again = await call("POST", "/v1/cache-servers", { name: "shared", url: shared.url });
  expect([again.status, again.body.code]).toEqual([409, "name_taken"]);
  const openToAll = await start({ open: true });
  const own = { name: fresh("open"), url: openToAll.url, purpose: "own" };
  expect((await call("POST", "/v1/cache-servers", own)).body.code).toBe("isolation_unavailable");
  const added = await call("POST", "/v1/cache-servers", { ...own, purpose: "shared", region: "r" });
  expect(added.body).toMatchObject({ levels: ["prefix"] });
  expect(added.body.warnings.join(" ")).toMatch(/only the level prefix/);
  const { password } = parseRedisUrl(shared.url);
  const seen = JSON.stringify([
    (await call("GET", "/v1/cache-servers")).body,
    (await call("GET", "/v1/cache-servers/shared")).body,
  ]);
  expect(seen).not.toContain(password);
  const { rows } = await sql`select row_to_json(s)::text as text from cache_servers s`.execute(house.db);
  expect(JSON.stringify(rows)).not.toContain(password);
  expect((await call("DELETE", `/v1/cache-servers/${own.name}`)).status).toBe(204);
  expect((await call("GET", "/v1/cache-servers/nobody")).status).toBe(404);
});
