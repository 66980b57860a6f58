import type { Cache } from "@tenantry/data";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { newId } from "../../kernel/index.ts";
import { testContext } from "../../testing/driver-context.ts";
import type { CacheDriver } from "./driver.ts";

export type CacheDriverHarness = {
  driver: CacheDriver;
  /** Lets this many milliseconds pass for the driver. */
  pass(milliseconds: number): Promise<void>;
  close(): Promise<void>;
};

/** What every driver of caches promises. */
export function describeCacheDriver(title: string, open: () => Promise<CacheDriverHarness>): void {
  describe(title, () => {
    let harness: CacheDriverHarness;
    let driver: CacheDriver;

    beforeAll(async () => {
      harness = await open();
      driver = harness.driver;
    });
    afterAll(() => harness.close());

    async function made(): Promise<{ name: string; cache: Cache }> {
      const environmentId = newId();
      const name = driver.nameFor(environmentId);
      await driver.provision(testContext(), name, environmentId);
      return { name, cache: driver.handle(name, 1) };
    }

    const listed = async () => (await driver.list()) ?? [];
    const listsAny = async () => (await driver.list()) !== undefined;
    const signal = new AbortController().signal;

    describe("life", () => {
      test("a cache is made, listed if anything is, found in order, and leaves nothing behind", async () => {
        const context = testContext();
        const environmentId = newId();
        const name = driver.nameFor(environmentId);
        await driver.provision(context, name, environmentId);
        await driver.provision(context.next(), name, environmentId);
        expect(await driver.verify(name)).toEqual([]);
        await driver.handle(name, 1).set("a", 1);
        if (await listsAny()) expect(await listed()).toContain(name);
        await driver.remove(context, name);
        await driver.remove(context, name);
        expect(await listed()).not.toContain(name);
        expect(context.resources()).toEqual([]);
        await driver.provision(context, name, environmentId);
        expect(await driver.handle(name, 1).get("a")).toBeUndefined();
      });

      test("without the lease nothing is made or removed", async () => {
        const kept = await made();
        await kept.cache.set("a", 1);
        const context = testContext();
        context.lose();
        const environmentId = newId();
        const name = driver.nameFor(environmentId);
        await expect(driver.provision(context, name, environmentId)).rejects.toThrow();
        expect(await listed()).not.toContain(name);
        await expect(driver.remove(context, kept.name)).rejects.toThrow();
        expect(await kept.cache.get("a")).toBe(1);
      });

      test("a new generation begins empty", async () => {
        const { name, cache } = await made();
        await cache.set("a", 1);
        const next = driver.handle(name, 2);
        expect(await next.has("a")).toBe(false);
        await next.set("a", 2);
        expect(await cache.get("a")).toBe(1);
      });

      test("what is read of one cache and put into another is there with its time, also while its user is shut out; what can't be taken is left", async () => {
        const { readAll, putAll } = driver;
        if (!readAll || !putAll) return expect([readAll, putAll]).toEqual([undefined, undefined]);
        const [from, to] = [await made(), await made()];
        for (let number = 0; number < 120; number += 1) await from.cache.set(`n ${number}`, { number });
        await from.cache.set("short", "ü", { ttlSeconds: 60 });
        await driver.admit(from.name, false);
        const target = { physicalName: to.name, generation: 2 };
        let taken = 0;
        for await (const entries of readAll({ physicalName: from.name, generation: 1 }, signal)) {
          const damaged = { ...entries[0]!, key: ":damaged", dump: Buffer.from([0xff, 0]) };
          taken += await putAll(target, [...entries, damaged], signal);
        }
        // With the key that says which epoch it is.
        expect(taken).toBe(122);
        const cache = driver.handle(to.name, 2);
        expect([await cache.get("n 119"), await cache.get("short")]).toEqual([{ number: 119 }, "ü"]);
        await harness.pass(61_000);
        expect([await cache.get("n 0"), await cache.get("short")]).toEqual([{ number: 0 }, undefined]);
        expect((await driver.measure(to.name, signal))!.keys).toBe(120);
      });

      test("what is counted and flushed is one environment's, in all its generations", async () => {
        const [mine, theirs] = [await made(), await made()];
        for (const { name } of [mine, theirs]) {
          await driver.handle(name, 1).set("a", "x".repeat(100));
          await driver.handle(name, 2).set("b", 1);
        }
        const usage = await driver.measure(mine.name, signal);
        if (usage) {
          expect(usage.keys).toBe(2);
          expect(usage.bytes).toBeGreaterThan(100);
        }
        if (!(await driver.flush(mine.name, signal))) return;
        expect(await driver.measure(mine.name, signal)).toEqual({ keys: 0, bytes: 0 });
        expect(await mine.cache.get("a")).toBeUndefined();
        expect(await driver.handle(mine.name, 2).has("b")).toBe(false);
        expect(await theirs.cache.has("a")).toBe(true);
      });
    });

    describe("handle", () => {
      let mine: Cache;
      let theirs: Cache;

      beforeEach(async () => {
        mine = (await made()).cache;
        theirs = (await made()).cache;
      });

      test("keeps keys, counters and flushes of two environments apart", async () => {
        await mine.set("user", "Ann");
        await mine.increment("visits");
        expect(await theirs.get("user")).toBeUndefined();
        expect(await theirs.delete("user")).toBe(false);
        expect(await theirs.increment("visits", { by: 5 })).toBe(5);
        await theirs.flush();
        expect(await mine.get("user")).toBe("Ann");
        expect(await mine.increment("visits")).toBe(2);
        await mine.flush();
        expect(await mine.has("user")).toBe(false);
      });

      test.each(["../other", "*", "a b", "a:b", "{a}", "a\nb\r\n", "\0", "ключ", "x".repeat(512)])(
        "takes the key %j as it is",
        async (key) => {
          await mine.set(key, { key });
          expect(await mine.get(key)).toEqual({ key });
          expect(await theirs.has(key)).toBe(false);
          expect(await mine.delete(key)).toBe(true);
          expect(await mine.get(key)).toBeUndefined();
        },
      );

      test("gives back what JSON can say, as a copy", async () => {
        for (const value of [null, false, 0, "", [], {}, [1, { a: [null] }], "€ 😀", 1e-9]) {
          await mine.set("value", value);
          expect(await mine.get("value")).toEqual(value);
          expect(await mine.has("value")).toBe(true);
        }
      });

      test("forgets when the time is over, and not before", async () => {
        await mine.set("short", 1, { ttlSeconds: 5 });
        await mine.set("long", 1);
        await mine.increment("hits", { ttlSeconds: 5 });
        await harness.pass(3_000);
        expect(await mine.get("short")).toBe(1);
        expect(await mine.increment("hits", { ttlSeconds: 5 })).toBe(2);
        await harness.pass(3_000);
        expect(await mine.get("short")).toBeUndefined();
        expect(await mine.increment("hits", { ttlSeconds: 5 })).toBe(1);
        expect(await mine.get("long")).toBe(1);
      });

      test("loses no increment of many at once", async () => {
        const sums = await Promise.all(Array.from({ length: 100 }, () => mine.increment("hits")));
        expect(new Set(sums).size).toBe(100);
        expect(await mine.get("hits")).toBe(100);
      });

      test("refuses what it can't hold with a sentence, and keeps what was there", async () => {
        await mine.set("a", "kept");
        const wrong = { code: "invalid_request", message: expect.stringMatching(/\.$/) };
        await expect(mine.set("", 1)).rejects.toMatchObject(wrong);
        await expect(mine.set("x".repeat(513), 1)).rejects.toMatchObject(wrong);
        await expect(mine.set("a", undefined)).rejects.toMatchObject(wrong);
        await expect(mine.set("a", 5n)).rejects.toMatchObject(wrong);
        await expect(mine.set("a", 1, { ttlSeconds: 0 })).rejects.toMatchObject(wrong);
        await expect(mine.set("a", 1, { ttlSeconds: Number.NaN })).rejects.toMatchObject(wrong);
        await expect(mine.increment("a")).rejects.toMatchObject(wrong);
        await expect(mine.increment("b", { by: 0.5 })).rejects.toMatchObject(wrong);
        const large = "x".repeat(16 * 1024 * 1024);
        await expect(mine.set("a", large)).rejects.toMatchObject({ code: "payload_too_large" });
        expect(await mine.get("a")).toBe("kept");
      });
    });
  });
}
