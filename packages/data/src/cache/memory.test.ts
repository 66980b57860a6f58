import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openMemoryCache } from "./memory.ts";
import { createMemoryStore } from "./memory-store.ts";

function caches(options: Parameters<typeof createMemoryStore>[0] = {}) {
  const clock = { now: 1_000 };
  const store = createMemoryStore({ now: () => clock.now, ...options });
  return {
    clock,
    store,
    acme: openMemoryCache({ store, prefix: "acme:1" }),
    bolt: openMemoryCache({ store, prefix: "bolt:1" }),
  };
}

describe("a cache in memory", () => {
  it("gives back a copy of what was put in, whatever JSON can say", async () => {
    const { acme } = caches();
    await fc.assert(
      fc.asyncProperty(fc.string({ minLength: 1, maxLength: 40 }), fc.jsonValue(), async (key, value) => {
        await acme.set(key, value);
        expect(await acme.get(key)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(await acme.has(key)).toBe(true);
      }),
    );
    const value = { list: [1] };
    await acme.set("copy", value);
    value.list.push(2);
    expect(await acme.get("copy")).toEqual({ list: [1] });
  });

  it("keeps the keys, counters and flushes of two tenants apart", async () => {
    const { acme, bolt } = caches();
    await acme.set("user", "Ann");
    await acme.increment("visits");
    expect(await bolt.get("user")).toBeUndefined();
    expect(await bolt.has("user")).toBe(false);
    expect(await bolt.delete("user")).toBe(false);
    expect(await bolt.increment("visits", { by: 5 })).toBe(5);
    await bolt.flush();
    expect(await acme.get("user")).toBe("Ann");
    expect(await acme.increment("visits")).toBe(2);
    expect(await bolt.has("visits")).toBe(false);
  });

  it("can't be led into another tenant's keys by any key or prefix", async () => {
    const { store } = caches();
    const text = fc.string({ unit: "binary", minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(text, text, text, text, async (firstPrefix, firstKey, secondPrefix, secondKey) => {
        if (firstPrefix === secondPrefix) return;
        const first = openMemoryCache({ store, prefix: firstPrefix });
        const second = openMemoryCache({ store, prefix: secondPrefix });
        await first.flush();
        await second.set(secondKey, "theirs");
        expect(await first.get(firstKey)).toBeUndefined();
      }),
    );
  });

  it("forgets when the time is over, and not before", async () => {
    const { acme, clock } = caches();
    await acme.set("short", 1, { ttlSeconds: 1.5 });
    await acme.set("long", 1);
    clock.now += 1_499;
    expect(await acme.get("short")).toBe(1);
    clock.now += 2;
    expect(await acme.get("short")).toBeUndefined();
    expect(await acme.has("short")).toBe(false);
    expect(await acme.get("long")).toBe(1);
  });

  it("replaces the time along with the value", async () => {
    const { acme, clock } = caches();
    await acme.set("page", 1, { ttlSeconds: 1 });
    await acme.set("page", 1);
    clock.now += 5_000;
    expect(await acme.get("page")).toBe(1);
  });

  it("gives a counter the time of its first increment", async () => {
    const { acme, clock } = caches();
    expect(await acme.increment("hits", { ttlSeconds: 10 })).toBe(1);
    clock.now += 6_000;
    expect(await acme.increment("hits", { by: 2, ttlSeconds: 10 })).toBe(3);
    clock.now += 4_001;
    expect(await acme.increment("hits", { ttlSeconds: 10 })).toBe(1);
  });

  it("refuses wrong keys, values, times and counts with a sentence", async () => {
    const { acme } = caches();
    const wrong = expect.objectContaining({ code: "invalid_request", message: expect.stringMatching(/\.$/) });
    for (const key of ["", "x".repeat(513), "\ud800", 5 as unknown as string]) {
      await expect(acme.get(key)).rejects.toEqual(wrong);
    }
    for (const ttlSeconds of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e9, "5" as unknown as number]) {
      await expect(acme.set("a", 1, { ttlSeconds })).rejects.toEqual(wrong);
    }
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    for (const value of [undefined, () => 1, Symbol("s"), 5n, circular]) {
      await expect(acme.set("a", value)).rejects.toEqual(wrong);
    }
    for (const by of [0.5, Number.NaN, 2 ** 53])
      await expect(acme.increment("a", { by })).rejects.toEqual(wrong);
    await acme.set("text", "no number");
    await expect(acme.increment("text")).rejects.toEqual(wrong);
    expect(await acme.get("text")).toBe("no number");
    expect(await acme.has("a")).toBe(false);
  });

  it("refuses a value that is too large and keeps the one before", async () => {
    const { acme } = caches({ maxValueBytes: 1_000 });
    await acme.set("page", "small");
    await expect(acme.set("page", "x".repeat(1_000))).rejects.toMatchObject({ code: "payload_too_large" });
    expect(await acme.get("page")).toBe("small");
  });
});

describe("the memory all tenants share", () => {
  it("never holds more than its limits, for one tenant and for all, and counts what it holds", () => {
    const store = createMemoryStore({
      maxBytes: 50_000,
      maxBytesPerEnvironment: 20_000,
      maxValueBytes: 2_000,
    });
    const step = fc.record({
      prefix: fc.constantFrom("a", "b", "c", "d", "e"),
      key: fc.integer({ min: 0, max: 30 }).map(String),
      length: fc.integer({ min: 0, max: 2_000 }),
      act: fc.constantFrom("set", "set", "set", "delete", "get", "flush"),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        for (const { prefix, key, length, act } of steps) {
          if (act === "set") store.set(prefix, key, "x".repeat(length), undefined);
          if (act === "delete") store.delete(prefix, key);
          if (act === "get") store.get(prefix, key);
          if (act === "flush") store.flush(prefix);
          expect(store.bytes()).toBeLessThanOrEqual(50_000);
          expect(store.bytes(prefix)).toBeLessThanOrEqual(20_000);
        }
        const sum = ["a", "b", "c", "d", "e"].reduce((bytes, prefix) => bytes + store.bytes(prefix), 0);
        expect(store.bytes()).toBe(sum);
      }),
    );
  });

  it("lets a flood of one tenant drive out that tenant's entries, not a neighbour's", async () => {
    const store = createMemoryStore({
      maxBytes: 100_000,
      maxBytesPerEnvironment: 100_000,
      maxValueBytes: 1_000,
    });
    const quiet = openMemoryCache({ store, prefix: "quiet" });
    const loud = openMemoryCache({ store, prefix: "loud" });
    for (let number = 0; number < 10; number += 1) await quiet.set(`page ${number}`, "x".repeat(500));
    for (let number = 0; number < 1_000; number += 1) await loud.set(`page ${number}`, "x".repeat(500));
    for (let number = 0; number < 10; number += 1) expect(await quiet.has(`page ${number}`)).toBe(true);
    expect(await loud.has("page 0")).toBe(false);
    expect(await loud.has("page 999")).toBe(true);
  });

  it("refuses limits that contradict one another", () => {
    expect(() => createMemoryStore({ maxBytes: 1_000, maxBytesPerEnvironment: 2_000 })).toThrow(/maxBytes/);
    expect(() => createMemoryStore({ maxBytes: 10_000, maxValueBytes: 9_000 })).toThrow(/maxValueBytes/);
  });
});
