import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type TestRedis, testRedis } from "../../../../server/src/testing/redis.ts";
import { waitUntil } from "../../../../server/src/testing/wait-until.ts";
import { CacheUnavailable } from "../../errors.ts";
import { createRedisCaches, type RedisCaches, type RedisCachesOptions } from "./index.ts";

let redis: TestRedis;
const opened: RedisCaches[] = [];

beforeAll(async () => {
  redis = await testRedis();
});
afterEach(() => {
  for (const caches of opened.splice(0)) caches.close();
});
afterAll(() => redis.stop());

function process(options?: RedisCachesOptions): RedisCaches {
  const caches = createRedisCaches(options);
  opened.push(caches);
  return caches;
}

let count = 0;

/** An environment whose user may do anything below its own name, and nothing else. */
async function environment(server = redis, password = "pw") {
  count += 1;
  const prefix = `tnk_${count}`;
  await server.ask(
    "ACL",
    "SETUSER",
    prefix,
    "reset",
    "on",
    `>${password}`,
    `~${prefix}:*`,
    "+@all",
    "-@dangerous",
  );
  return placeOf(prefix, password, server);
}

function placeOf(prefix: string, password: string, server = redis) {
  return { url: `redis://${prefix}:${password}@127.0.0.1:${server.port}`, prefix, generation: 1 };
}

test("many tenants at once share a few connections, and each finds its own", async () => {
  const caches = process({ maxConnections: 3 });
  const places = await Promise.all(Array.from({ length: 200 }, () => environment()));
  await Promise.all(places.map((place) => caches.open(place).set("who", place.prefix)));
  for (let round = 0; round < 5; round += 1) {
    const found = await Promise.all(places.map((place) => caches.open(place).get("who")));
    expect(found).toEqual(places.map(({ prefix }) => prefix));
  }
  const sums = await Promise.all(
    places.flatMap((place) => [1, 2, 3].map(() => caches.open(place).increment("n"))),
  );
  expect(sums.filter((sum) => sum === 3)).toHaveLength(200);
  expect(caches.connections).toBeLessThanOrEqual(3);
});

test("Redis itself refuses what is asked under another's name", async () => {
  const [mine, theirs] = [await environment(), await environment()];
  const caches = process();
  await caches.open(theirs).set("a", "secret");
  // As a mistake in the application would have it: their keys, our user, on a connection that they have just used.
  const confused = caches.open({ ...mine, prefix: theirs.prefix });
  expect(await confused.get("a")).toBeUndefined();
  await confused.set("a", "mine");
  await expect(confused.increment("n")).rejects.toBeInstanceOf(CacheUnavailable);
  expect(await caches.open(theirs).get("a")).toBe("secret");
});

test("a user that Redis has forgotten is asked to be made again, once for a call", async () => {
  const place = await environment();
  const caches = process();
  let repairs = 0;
  const repairing = caches.open(place, {
    repair: async () => {
      repairs += 1;
      await redis.ask("ACL", "SETUSER", place.prefix, "on", ">pw", `~${place.prefix}:*`, "+@all");
      return true;
    },
  });
  await repairing.set("a", 1);
  await redis.ask("ACL", "DELUSER", place.prefix);
  expect(await repairing.get("a")).toBe(1);
  expect(repairs).toBe(1);
  await redis.ask("ACL", "DELUSER", place.prefix);
  const missed: string[] = [];
  const alone = process({ onMissed: (_place, error) => missed.push(error.message) }).open(place);
  expect(await alone.get("a")).toBeUndefined();
  expect(missed).toEqual(["The cache doesn't let its user in."]);
  await expect(alone.delete("a")).rejects.toMatchObject({ code: "unavailable" });
});

test("after a flush all processes begin anew at once, and nothing of before comes back", async () => {
  const place = await environment();
  const [one, other] = [process().open(place), process().open(place)];
  for (let round = 0; round < 3; round += 1) {
    await one.set("a", round);
    await one.increment("n");
    expect(await other.get("a")).toBe(round);
    await (round % 2 ? one : other).flush();
    for (const cache of [one, other]) {
      expect(await cache.get("a")).toBeUndefined();
      expect(await cache.has("n")).toBe(false);
    }
    expect(await other.increment("n")).toBe(1);
    expect(await one.increment("n")).toBe(2);
    await one.flush();
  }
});

test("what is written in the moment after a flush leaves nothing behind in the epoch that is over", async () => {
  const place = await environment();
  const [one, other] = [process().open(place), process().open(place)];
  for (let round = 0; round < 5; round += 1) {
    await one.set("a", round);
    await one.increment("n");
    // Only the other process knows that a new epoch begins; nothing of the old one is left before it does.
    await other.flush();
    for (const key of (await redis.ask("KEYS", `${place.prefix}:*`)) as string[]) await redis.ask("DEL", key);
    if (round % 2) await one.set("a", "after");
    else expect(await one.increment("n")).toBe(1);
    const keys = (await redis.ask("KEYS", `${place.prefix}:*`)) as string[];
    // The epoch itself, and what was written in it.
    expect(keys).toHaveLength(2);
    if (round % 2) expect(await other.get("a")).toBe("after");
  }
});

test("a primary that became a replica is read, says when it can't count or delete, and takes writes again afterwards", async () => {
  const server = await testRedis();
  const cache = process().open(await environment(server));
  await cache.set("a", "before");
  // A replica of nobody who answers: what it has it goes on showing.
  await server.ask("REPLICAOF", "127.0.0.1", "1");
  expect(await cache.get("a")).toBe("before");
  await cache.set("a", "dropped");
  expect(await cache.get("a")).toBe("before");
  for (const refused of [cache.increment("n"), cache.delete("a"), cache.flush()]) {
    await expect(refused).rejects.toBeInstanceOf(CacheUnavailable);
  }
  await server.ask("REPLICAOF", "NO", "ONE");
  await cache.set("a", "after");
  expect(await cache.get("a")).toBe("after");
  expect(await cache.increment("n")).toBe(1);
  await server.stop();
});

test("spaces with a name are apart from each other and from the one without", async () => {
  const place = await environment();
  const caches = process();
  const [plain, rates, prices] = [undefined, "rates", "prices"].map((name) =>
    caches.open(name ? { ...place, name } : place),
  ) as [ReturnType<RedisCaches["open"]>, ReturnType<RedisCaches["open"]>, ReturnType<RedisCaches["open"]>];
  for (const cache of [plain, rates, prices]) await cache.set("a", 1);
  await rates.flush();
  expect(await rates.has("a")).toBe(false);
  expect(await prices.has("a")).toBe(true);
  expect(await plain.has("a")).toBe(true);
  for (const name of ["", "a:b", "A", "x".repeat(64), "-a"]) {
    expect(() => caches.open({ ...place, name })).toThrow(/name of a global cache/);
  }
});

test("restarts under load: what is read is right or missing, counters say when they can't, and all goes on", async () => {
  const server = await testRedis({ aclFile: true });
  const places = await Promise.all(Array.from({ length: 20 }, () => environment(server)));
  await server.ask("ACL", "SAVE");
  const caches = process();
  const wrong: unknown[] = [];
  let [calls, going] = [0, true];
  const workers = places.map(async (place) => {
    const cache = caches.open(place);
    while (going) {
      calls += 1;
      await cache.set("who", place.prefix);
      const found = await cache.get("who");
      if (found !== undefined && found !== place.prefix) wrong.push(found);
      await cache.increment("n").catch((error: unknown) => {
        if (!(error instanceof CacheUnavailable)) wrong.push(error);
      });
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
  for (let round = 0; round < 3; round += 1) {
    const before = calls;
    await waitUntil("calls go through", () => calls > before + 100);
    await server.kill();
    const during = calls;
    await waitUntil("calls go on while it is away", () => calls > during + 100);
    await server.start();
    await waitUntil("it is found again", async () => {
      const [place] = places;
      await caches.open(place!).set("back", round);
      return (await caches.open(place!).get("back")) === round;
    });
  }
  going = false;
  await Promise.all(workers);
  expect(wrong).toEqual([]);
  await server.stop();
});

test("a Redis that hangs costs the first calls their deadline, the next ones nothing, and is found again", async () => {
  const server = await testRedis();
  const place = await environment(server);
  const caches = process({ deadlineMs: 300 });
  const cache = caches.open(place);
  // On a busy machine it may take longer than the deadline, and be dropped.
  await waitUntil("it is kept", async () => {
    await cache.set("a", 1);
    return (await cache.get("a")) === 1;
  });
  globalThis.process.kill(server.pid(), "SIGSTOP");
  const startedAt = performance.now();
  expect(await Promise.all([cache.get("a"), cache.get("a"), cache.has("a")])).toEqual([
    undefined,
    undefined,
    false,
  ]);
  expect(performance.now() - startedAt).toBeLessThan(3_000);
  const again = performance.now();
  for (let call = 0; call < 100; call += 1) expect(await cache.get("a")).toBeUndefined();
  // A hundred deadlines would be half a minute.
  expect(performance.now() - again).toBeLessThan(5_000);
  globalThis.process.kill(server.pid(), "SIGCONT");
  await waitUntil("it is found again", async () => (await cache.get("a")) === 1);
  await server.stop();
});

test("a full Redis forgets what can't be replaced, and goes on reading and deleting", async () => {
  const server = await testRedis({ lines: ["maxmemory-policy noeviction"] });
  const place = await environment(server);
  const missed: string[] = [];
  const cache = process({ onMissed: (_place, error) => missed.push(error.message) }).open(place);
  await cache.set("a", "old");
  await cache.set("b", "kept");
  await server.ask("CONFIG", "SET", "maxmemory", "1");
  await cache.set("a", "new");
  expect(missed).toEqual(["The cache takes nothing in."]);
  expect(await cache.get("a")).toBeUndefined();
  expect(await cache.get("b")).toBe("kept");
  await expect(cache.increment("n")).rejects.toBeInstanceOf(CacheUnavailable);
  expect(await cache.delete("b")).toBe(true);
  await cache.flush();
  await server.ask("CONFIG", "SET", "maxmemory", "0");
  await cache.set("a", "again");
  expect(await cache.get("a")).toBe("again");
  await server.stop();
});

test("a tenant that asks for very much waits for itself, and not its neighbour", async () => {
  const [loud, quiet] = [await environment(), await environment()];
  const caches = process({ maxConnections: 1, batchesAtOnce: 8, deadlineMs: 20_000 });
  const large = "x".repeat(1_000_000);
  await caches.open(loud).set("large", large);
  await caches.open(quiet).set("a", 1);
  let done = 0;
  const flood = Array.from({ length: 300 }, async () => {
    await caches.open(loud).get("large");
    done += 1;
  });
  expect(await caches.open(quiet).get("a")).toBe(1);
  expect(done).toBeLessThan(150);
  await Promise.all(flood);
});

test("numbers beyond what can be exact are refused, and the counter keeps what it had", async () => {
  const cache = process().open(await environment());
  await cache.increment("n", { by: Number.MAX_SAFE_INTEGER - 1 });
  expect(await cache.increment("n")).toBe(Number.MAX_SAFE_INTEGER);
  await expect(cache.increment("n")).rejects.toMatchObject({ code: "invalid_request" });
  expect(await cache.get("n")).toBe(Number.MAX_SAFE_INTEGER);
  await cache.set("f", 1.5);
  await expect(cache.increment("f")).rejects.toMatchObject({ code: "invalid_request" });
  expect(await cache.get("f")).toBe(1.5);
});

test("a wrong address and a wrong prefix are refused with a sentence", () => {
  const caches = process();
  for (const url of ["", "http://a/", "redis://", "redis://a/x"]) {
    expect(() => caches.open({ url, prefix: "a", generation: 1 }), url).toThrow(/\.$/);
  }
  for (const prefix of ["", "a*", "a:b", "A", "a b"]) {
    expect(() => caches.open({ ...placeOf("a", "b"), prefix })).toThrow(/prefix/);
  }
});
