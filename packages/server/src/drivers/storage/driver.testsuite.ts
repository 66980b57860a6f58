import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import type { Storage } from "@tenantry/data";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { newId } from "../../kernel/index.ts";
import { testContext } from "../../testing/driver-context.ts";
import type { StorageDriver } from "./driver.ts";

export type StorageDriverHarness = { driver: StorageDriver; close(): Promise<void> };

/** What every driver of storage promises. */
export function describeStorageDriver(title: string, open: () => Promise<StorageDriverHarness>): void {
  describe(title, () => {
    let harness: StorageDriverHarness;
    let driver: StorageDriver;

    beforeAll(async () => {
      harness = await open();
      driver = harness.driver;
    });
    afterAll(() => harness.close());

    describeLife(() => driver);
    describeObjects(() => driver);
    describeKeys(() => driver);
  });
}

async function place(
  driver: StorageDriver,
): Promise<{ name: string; environmentId: string; storage: Storage }> {
  const environmentId = newId();
  const name = driver.nameFor(environmentId);
  await driver.provision(testContext(), name, environmentId);
  return { name, environmentId, storage: driver.handle(name) };
}

function describeLife(driverOf: () => StorageDriver): void {
  describe("life", () => {
    let driver: StorageDriver;
    beforeEach(() => {
      driver = driverOf();
    });

    test("a place is declared before it is made, stands in order, and goes without leaving anything", async () => {
      const calls: string[] = [];
      const environmentId = newId();
      const name = driver.nameFor(environmentId);
      const context = testContext({
        before: async (call) => {
          calls.push(`${call} ${(await driver.list()).includes(name)}`);
        },
      });
      await driver.provision(context, name, environmentId);
      expect(calls[0]).toBe("declareResource false");
      expect(calls.at(-1)).toBe("resourcePresent true");
      expect(context.resources()).toEqual([
        { kind: "storage", driver: driver.driver, physicalName: name, state: "present" },
      ]);
      expect(await driver.verify(name, environmentId)).toEqual([]);
      expect(await driver.measure(name)).toEqual({ bytes: 0, objects: 0 });
      await driver.handle(name).put("a/b", "x");
      await driver.remove(context, name);
      expect(await driver.list()).not.toContain(name);
      expect(context.resources()).toEqual([]);
      expect((await driver.verify(name, environmentId)).length).toBeGreaterThan(0);
    });

    test("making again keeps the files, removing again is no error, and a place made anew is empty", async () => {
      const { name, environmentId, storage } = await place(driver);
      await storage.put("a", "x");
      await driver.provision(testContext(), name, environmentId);
      expect(await driver.measure(name)).toEqual({ bytes: 1, objects: 1 });
      await driver.remove(testContext(), name);
      await driver.remove(testContext(), name);
      await driver.provision(testContext(), name, environmentId);
      expect(await driver.measure(name)).toEqual({ bytes: 0, objects: 0 });
      await driver.remove(testContext(), name);
    });

    test("whatever call the maker dies at, another finishes or takes back what it began", async () => {
      for (const dieAt of ["declareResource", "assertLease", "resourcePresent"]) {
        for (const then of ["finish", "take back"]) {
          const environmentId = newId();
          const name = driver.nameFor(environmentId);
          const context = testContext({
            before: (call) => {
              if (call === dieAt) throw new Error("killed");
            },
          });
          await expect(driver.provision(context, name, environmentId)).rejects.toThrow("killed");
          if (then === "finish") {
            await driver.provision(context.next(), name, environmentId);
            expect(await driver.verify(name, environmentId)).toEqual([]);
          }
          await driver.remove(context.next(), name);
          expect(await driver.list()).not.toContain(name);
          expect(context.resources()).toEqual([]);
        }
      }
    });

    test("without the lease nothing is made or removed", async () => {
      const kept = await place(driver);
      await kept.storage.put("a", "x");
      const context = testContext();
      context.lose();
      const environmentId = newId();
      const name = driver.nameFor(environmentId);
      await expect(driver.provision(context, name, environmentId)).rejects.toThrow();
      expect(await driver.list()).not.toContain(name);
      await expect(driver.remove(context, kept.name)).rejects.toThrow();
      expect(await driver.measure(kept.name)).toEqual({ bytes: 1, objects: 1 });
    });

    test("a removal while somebody writes ends with nothing left", async () => {
      const { name, storage } = await place(driver);
      let writing = true;
      let written = 0;
      const writer = (async () => {
        while (writing) {
          await storage.put(`deep/${written % 9}/x`, "x").then(
            () => (written += 1),
            () => undefined,
          );
        }
      })();
      while (written < 5) await storage.usage();
      try {
        await driver.remove(testContext(), name);
      } finally {
        writing = false;
        await writer;
      }
      expect(await driver.list()).not.toContain(name);
    });

    test("a name that no environment has is refused before anything is touched", async () => {
      const { storage } = await place(driver);
      await storage.put("a", "x");
      for (const name of ["", ".", "..", "/", "../..", "*", "a/b", "a".repeat(26), "0".repeat(25), "\0"]) {
        await expect(driver.remove(testContext(), name)).rejects.toThrow();
        await expect(driver.provision(testContext(), name, newId())).rejects.toThrow();
        expect(() => driver.handle(name)).toThrow();
      }
      expect((await storage.head("a")).size).toBe(1);
    });

    test("tidying leaves what stands alone", async () => {
      const { storage } = await place(driver);
      const put = await storage.put("a", "x", { contentType: "text/plain" });
      expect(await driver.tidy()).toEqual({ removed: 0 });
      expect(await storage.head("a")).toEqual(put);
    });
  });
}

function describeObjects(driverOf: () => StorageDriver): void {
  describe("objects", () => {
    let storage: Storage;
    beforeEach(async () => {
      storage = (await place(driverOf())).storage;
    });

    test("come back byte by byte, with size, type, checksum and time", async () => {
      const bytes = randomBytes(300_000);
      const before = Date.now();
      const put = await storage.put("media/a.png", Readable.from([bytes.subarray(0, 7), bytes.subarray(7)]), {
        contentType: "image/png",
      });
      expect(put).toMatchObject({ key: "media/a.png", size: 300_000, contentType: "image/png" });
      expect(put.etag).toBe(createHash("sha256").update(bytes).digest("hex"));
      expect(Math.abs(put.modifiedAt.getTime() - before)).toBeLessThan(60_000);
      const { body, ...got } = await storage.get("media/a.png");
      expect(got).toEqual(put);
      expect((await buffer(body)).equals(bytes)).toBe(true);
      expect(await storage.head("media/a.png")).toEqual(put);
    });

    test("may be empty, and have no type", async () => {
      const put = await storage.put("empty", "");
      expect(put).toMatchObject({ size: 0, contentType: "application/octet-stream" });
      expect(await text((await storage.get("empty")).body)).toBe("");
    });

    test("are replaced as a whole, type and checksum with them", async () => {
      const first = await storage.put("a", "first version", { contentType: "text/plain" });
      const second = await storage.put("a", "second", { contentType: "text/html; charset=utf-8" });
      expect(second.etag).not.toBe(first.etag);
      const { body, ...got } = await storage.get("a");
      expect(got).toEqual(second);
      expect(await text(body)).toBe("second");
      expect(await storage.usage()).toEqual({ bytes: 6, objects: 1 });
    });

    test("that are being read stay whole while they are replaced and deleted", async () => {
      const bytes = randomBytes(2_000_000);
      await storage.put("a", bytes);
      const { body } = await storage.get("a");
      await storage.put("a", "new");
      await storage.delete("a");
      expect((await buffer(body)).equals(bytes)).toBe(true);
    });

    test("are read in ranges, both ends included", async () => {
      await storage.put("a", "0123456789");
      for (const [range, expected, answered] of [
        [{ start: 0 }, "0123456789", { start: 0, end: 9 }],
        [{ start: 0, end: 0 }, "0", { start: 0, end: 0 }],
        [{ start: 3, end: 5 }, "345", { start: 3, end: 5 }],
        [{ start: 9 }, "9", { start: 9, end: 9 }],
        [{ start: 8, end: 99 }, "89", { start: 8, end: 9 }],
      ] as const) {
        const got = await storage.get("a", { range });
        expect(got.range).toEqual(answered);
        expect(got.size).toBe(10);
        expect(await text(got.body)).toBe(expected);
      }
      for (const range of [{ start: 10 }, { start: 5, end: 4 }]) {
        await expect(storage.get("a", { range })).rejects.toMatchObject({
          name: "RangeNotSatisfiable",
          size: 10,
        });
      }
      for (const range of [{ start: -1 }, { start: 0.5 }, { start: Number.NaN }]) {
        await expect(storage.get("a", { range })).rejects.toMatchObject({ name: "InvalidArgument" });
      }
    });

    test("that aren't there are a typed error, and deleting them is none", async () => {
      await expect(storage.get("a")).rejects.toMatchObject({ name: "ObjectNotFound", code: "not_found" });
      await expect(storage.head("a/b")).rejects.toMatchObject({ name: "ObjectNotFound" });
      await storage.delete("a");
      await storage.put("a", "x");
      await storage.delete("a");
      await storage.delete("a");
      await expect(storage.get("a")).rejects.toMatchObject({ name: "ObjectNotFound" });
      expect(await storage.usage()).toEqual({ bytes: 0, objects: 0 });
    });

    test("that are too large, or whose body breaks, leave nothing and keep what was there", async () => {
      await storage.put("a", "old", { contentType: "text/plain" });
      await expect(storage.put("a", "12345", { maxBytes: 4 })).rejects.toMatchObject({
        name: "ObjectTooLarge",
        code: "payload_too_large",
        maxBytes: 4,
      });
      const broken = Readable.from(
        (async function* () {
          yield "1234";
          throw new Error("cut off");
        })(),
      );
      await expect(storage.put("a", broken)).rejects.toThrow("cut off");
      await expect(storage.put("b", "x", { maxBytes: 0 })).rejects.toMatchObject({ name: "ObjectTooLarge" });
      expect(await storage.head("a")).toMatchObject({ size: 3, contentType: "text/plain" });
      expect(await storage.usage()).toEqual({ bytes: 3, objects: 1 });
      expect(await storage.put("a", "1234", { maxBytes: 4 })).toMatchObject({ size: 4 });
    });

    test("can't carry a header of the uploader's in their type", async () => {
      for (const contentType of [
        "text/html\r\nSet-Cookie: a=b",
        "text",
        "",
        "a/b;\0",
        `a/${"b".repeat(300)}`,
      ]) {
        await expect(storage.put("a", "x", { contentType })).rejects.toMatchObject({
          name: "InvalidArgument",
        });
      }
      expect((await storage.list()).items).toEqual([]);
    });

    test("are listed in the order of their keys' bytes, by prefix, page by page", async () => {
      const keys = [
        "a-b",
        "a/b",
        "a/c/d",
        "a0",
        "b",
        "B",
        "ä",
        "a/b2",
        "ab/c",
        "a/ b".replace(" ", "_"),
        "z/\u{1f600}",
      ];
      for (const key of keys) await storage.put(key, key, { contentType: "text/plain" });
      const order = (left: string, right: string) => Buffer.compare(Buffer.from(left), Buffer.from(right));
      const listAll = async (prefix: string | undefined, limit: number) => {
        const found: string[] = [];
        let cursor: string | undefined;
        do {
          const page = await storage.list({ prefix, limit, cursor });
          expect(page.items.length).toBeLessThanOrEqual(limit);
          for (const item of page.items) {
            expect(item).toEqual(await storage.head(item.key));
            found.push(item.key);
          }
          cursor = page.nextCursor;
        } while (cursor !== undefined);
        return found;
      };
      for (const prefix of [undefined, "", "a", "a/", "a/b", "a/c", "ab", "nothing", "a/c/d", "z/"]) {
        const expected = keys.filter((key) => key.startsWith(prefix ?? "")).toSorted(order);
        for (const limit of [1, 3, 1000]) expect(await listAll(prefix, limit)).toEqual(expected);
      }
      expect(await storage.usage()).toEqual({
        objects: keys.length,
        bytes: keys.reduce((bytes, key) => bytes + Buffer.byteLength(key), 0),
      });
    });

    test("are listed from where a cursor says though its object is gone by now", async () => {
      for (const key of ["a", "b", "c"]) await storage.put(key, key);
      const { nextCursor } = await storage.list({ limit: 2 });
      await storage.delete("b");
      expect((await storage.list({ cursor: nextCursor })).items.map(({ key }) => key)).toEqual(["c"]);
    });

    test("aren't listed with a limit or a cursor that makes no sense", async () => {
      for (const limit of [0, -1, 1.5, 1001, Number.NaN]) {
        await expect(storage.list({ limit })).rejects.toMatchObject({ name: "InvalidArgument" });
      }
      for (const cursor of ["%%%", Buffer.from("../x").toString("base64url")]) {
        await expect(storage.list({ cursor })).rejects.toMatchObject({ code: "unsafe_path" });
      }
    });
  });
}

const attacks = [
  "../{other}/secret",
  "../../{other}/secret",
  "a/../../{other}/secret",
  "/{other}/secret",
  "./secret",
  "a/./secret",
  "a//secret",
  "a/",
  "",
  "..",
  "..\\{other}\\secret",
  "a\0b",
  "a\nb",
  "\u202egnp.a",
  "\uff0e\uff0e/{other}/secret",
  "..\uff0f{other}\uff0fsecret",
  "\u2024\u2024/{other}/secret",
  "a\u2215b",
  "e\u0301",
  "a\ud800",
  "\ufeffa",
  "x".repeat(1_025),
  "x".repeat(256),
  ".tenantry/meta/x",
];

function describeKeys(driverOf: () => StorageDriver): void {
  describe("keys that try to leave the tenant", () => {
    test.each(attacks)("%j is refused by every method", async (attack) => {
      const [mine, theirs] = [await place(driverOf()), await place(driverOf())];
      await theirs.storage.put("secret", "theirs");
      const key = attack.replaceAll("{other}", theirs.name);
      const refused = { name: "UnsafeKey", code: "unsafe_path" };
      await expect(mine.storage.put(key, "mine")).rejects.toMatchObject(refused);
      await expect(mine.storage.get(key)).rejects.toMatchObject(refused);
      await expect(mine.storage.head(key)).rejects.toMatchObject(refused);
      await expect(mine.storage.delete(key)).rejects.toMatchObject(refused);
      expect(await text((await theirs.storage.get("secret")).body)).toBe("theirs");
      expect(await mine.storage.usage()).toEqual({ bytes: 0, objects: 0 });
    });

    test("prefixes don't lead out either", async () => {
      const [mine, theirs] = [await place(driverOf()), await place(driverOf())];
      await theirs.storage.put("secret", "theirs");
      for (const prefix of ["../", `../${theirs.name}/`, "/", "a/../../", "a//", "..\\", "\0"]) {
        await expect(mine.storage.list({ prefix })).rejects.toMatchObject({ code: "unsafe_path" });
      }
      expect((await mine.storage.list({ prefix: "." })).items).toEqual([]);
    });

    test("the same key in two environments is two objects", async () => {
      const [mine, theirs] = [await place(driverOf()), await place(driverOf())];
      await mine.storage.put("a", "mine");
      await theirs.storage.put("a", "theirs!");
      expect(await text((await mine.storage.get("a")).body)).toBe("mine");
      await mine.storage.delete("a");
      expect(await theirs.storage.usage()).toEqual({ bytes: 7, objects: 1 });
    });
  });
}
