import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { openFsStorage, openS3Storage, type Storage, type StoredObject } from "@tenantry/data";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { newId } from "../../kernel/index.ts";
import { testContext } from "../../testing/driver-context.ts";
import type { StorageDriver } from "./driver.ts";
import { reachAsApplication } from "./s3/reach.ts";

export type StorageDriverHarness = {
  driver: StorageDriver;
  /** The level at which places are made: `prefix` when left out. */
  level?: string;
  /** Whether a removal ends writers. Where they share a key with others it can't: what they write later is found. */
  endsWriters: boolean;
  close(): Promise<void>;
};

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

    const nameFor = (environmentId: string) => driver.nameFor(environmentId, harness.level ?? "prefix");
    const place = async (): Promise<Place> => {
      const environmentId = newId();
      const name = nameFor(environmentId);
      await driver.provision(testContext(), name, environmentId);
      return { name, environmentId, storage: driver.handle(name) };
    };
    const given = { driver: () => driver, endsWriters: () => harness.endsWriters, nameFor, place };
    describeLife(given);
    describeObjects(given);
    describeParts(given);
    describeKeys(given);
  });
}

type Place = { name: string; environmentId: string; storage: Storage };

type Given = {
  driver(): StorageDriver;
  endsWriters(): boolean;
  nameFor(environmentId: string): string;
  place(): Promise<Place>;
};

/** The files as an environment's application reaches them: by its own key, where it has one. */
function asApplication(driver: StorageDriver, name: string): Storage {
  const location = driver.location(name);
  return location.driver === "fs"
    ? openFsStorage(location.directory)
    : openS3Storage(reachAsApplication(driver, name));
}

/** Everything but the time, which a store may tell by its own clock. */
function same({ modifiedAt, ...object }: StoredObject): Omit<StoredObject, "modifiedAt"> {
  expect(Math.abs(modifiedAt.getTime() - Date.now())).toBeLessThan(60_000);
  return object;
}

function describeLife({ driver: driverOf, endsWriters, nameFor, place }: Given): void {
  describe("life", () => {
    let driver: StorageDriver;
    beforeEach(() => {
      driver = driverOf();
    });

    test("a place is declared before it is made, stands in order, and goes without leaving anything", async () => {
      const calls: string[] = [];
      const environmentId = newId();
      const name = nameFor(environmentId);
      const context = testContext({
        before: async (call) => {
          calls.push(`${call} ${(await driver.list()).includes(name)}`);
        },
      });
      await driver.provision(context, name, environmentId);
      expect(calls[0]).toBe("declareResource false");
      expect(calls.at(-1)).toBe("resourcePresent true");
      expect(context.resources()).toMatchObject([
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
      const { name, environmentId, storage } = await place();
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
          const name = nameFor(environmentId);
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
      const kept = await place();
      await kept.storage.put("a", "x");
      const context = testContext();
      context.lose();
      const environmentId = newId();
      const name = nameFor(environmentId);
      await expect(driver.provision(context, name, environmentId)).rejects.toThrow();
      expect(await driver.list()).not.toContain(name);
      await expect(driver.remove(context, kept.name)).rejects.toThrow();
      expect(await driver.measure(kept.name)).toEqual({ bytes: 1, objects: 1 });
    });

    test("a removal while somebody writes ends with nothing left", async () => {
      const { name } = await place();
      const storage = asApplication(driver, name);
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
        await driver.remove(testContext(), name).catch((error: unknown) => {
          if (endsWriters()) throw error;
          expect(["busy", "storage_unavailable"]).toContain((error as { code: string }).code);
        });
      } finally {
        writing = false;
        await writer;
      }
      if (!endsWriters()) await driver.remove(testContext(), name);
      expect(await driver.list()).not.toContain(name);
    });

    test("a name that no environment has is refused before anything is touched", async () => {
      const { storage } = await place();
      await storage.put("a", "x");
      for (const name of ["", ".", "..", "/", "../..", "*", "a/b", "a".repeat(26), "0".repeat(25), "\0"]) {
        await expect(driver.remove(testContext(), name)).rejects.toThrow();
        await expect(driver.provision(testContext(), name, newId())).rejects.toThrow();
        expect(() => driver.handle(name)).toThrow();
      }
      expect((await storage.head("a")).size).toBe(1);
    });

    test("tidying leaves what stands alone", async () => {
      const { storage } = await place();
      const put = await storage.put("a", "x", { contentType: "text/plain" });
      expect(await driver.tidy()).toEqual({ removed: 0 });
      expect(same(await storage.head("a"))).toEqual(same(put));
    });
  });
}

function describeObjects({ place }: Given): void {
  describe("objects", () => {
    let storage: Storage;
    beforeEach(async () => {
      storage = (await place()).storage;
    });

    test("come back byte by byte, with size, type, checksum and time", async () => {
      const bytes = randomBytes(300_000);
      const put = await storage.put("media/a.png", Readable.from([bytes.subarray(0, 7), bytes.subarray(7)]), {
        contentType: "image/png",
      });
      expect(put).toMatchObject({ key: "media/a.png", size: 300_000, contentType: "image/png" });
      expect(put.etag).toMatch(/^[\w-]{20,}$/);
      const { body, ...got } = await storage.get("media/a.png");
      expect(same(got)).toEqual(same(put));
      expect((await buffer(body)).equals(bytes)).toBe(true);
      expect(same(await storage.head("media/a.png"))).toEqual(same(put));
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
      expect(same(got)).toEqual(same(second));
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
            found.push(item.key);
            if (limit < 1_000) continue;
            const { contentType: _, ...object } = same(await storage.head(item.key));
            expect(same(item as StoredObject)).toEqual(object);
          }
          cursor = page.nextCursor;
        } while (cursor !== undefined);
        return found;
      };
      for (const prefix of [undefined, "", "a", "a/", "a/b", "a/c", "ab", "nothing", "a/c/d", "z/"]) {
        const expected = keys.filter((key) => key.startsWith(prefix ?? "")).toSorted(order);
        for (const limit of [2, 1000]) expect(await listAll(prefix, limit)).toEqual(expected);
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

function describeParts({ place }: Given): void {
  describe("large and streamed objects", () => {
    const chunk = randomBytes(1_000_000);
    const bytes = Buffer.concat(Array.from({ length: 20 }, () => chunk));

    test("come in chunks of any size, and go out byte by byte, whole and in ranges", async () => {
      const { storage } = await place();
      const pieces = [0, 1, 8_388_607, 8_388_608, 16_777_216, 16_777_217, 20_000_000];
      const body = Readable.from(pieces.slice(1).map((end, index) => bytes.subarray(pieces[index], end)));
      const put = await storage.put("large", body, { contentType: "video/mp4" });
      expect(put.size).toBe(20_000_000);
      expect(same(await storage.head("large"))).toEqual(same(put));
      expect((await buffer((await storage.get("large")).body)).equals(bytes)).toBe(true);
      const part = await storage.get("large", { range: { start: 8_388_600, end: 8_388_699 } });
      expect((await buffer(part.body)).equals(bytes.subarray(8_388_600, 8_388_700))).toBe(true);
      expect(await storage.usage()).toEqual({ bytes: 20_000_000, objects: 1 });
    });

    test("are asked for no faster than they are stored: two parts at most lie in memory", async () => {
      const { storage } = await place();
      const asked = { bytes: 0, stopped: 0 };
      async function* body() {
        for (let given = 0; given < 60; given += 1) {
          asked.bytes += chunk.length;
          yield chunk;
        }
      }
      const stopper = new AbortController();
      const slow = (async function* () {
        for await (const piece of body()) {
          yield piece;
          if (asked.bytes === 30_000_000) stopper.abort(new Error("stopped"));
        }
      })();
      await expect(storage.put("large", slow, { signal: stopper.signal })).rejects.toThrow("stopped");
      expect(asked.bytes).toBeLessThanOrEqual(31_000_000);
      expect(await storage.usage()).toEqual({ bytes: 0, objects: 0 });
    });

    test("whose body breaks after several parts, or that grow too large, leave nothing at all", async () => {
      const { storage } = await place();
      await storage.put("large", "old");
      async function* breaking() {
        for (let given = 0; given < 19; given += 1) yield chunk;
        throw new Error("cut off");
      }
      await expect(storage.put("large", breaking())).rejects.toThrow("cut off");
      const tooLarge = { name: "ObjectTooLarge", maxBytes: 18_000_000 };
      const limited = storage.put("large", Readable.from([bytes]), { maxBytes: 18_000_000 });
      await expect(limited).rejects.toMatchObject(tooLarge);
      expect(await text((await storage.get("large")).body)).toBe("old");
      expect(await storage.usage()).toEqual({ bytes: 3, objects: 1 });
    });

    test("stop being sent when their reader goes", async () => {
      const { storage } = await place();
      await storage.put("large", bytes.subarray(0, 3_000_000));
      // More than there may be open at once, were they left behind.
      for (let round = 0; round < 140; round += 1) {
        const { body } = await storage.get("large");
        body.destroy();
      }
      expect((await buffer((await storage.get("large")).body)).length).toBe(3_000_000);
    });

    test("are read in parts of one version only: another one is told", async () => {
      const { storage } = await place();
      const { etag } = await storage.put("a", "first version");
      const first = await storage.get("a", { range: { start: 0, end: 4 }, ifMatch: etag });
      expect(await text(first.body)).toBe("first");
      await storage.put("a", "second version");
      const changed = { name: "ObjectChanged", code: "precondition_failed" };
      await expect(storage.get("a", { range: { start: 5 }, ifMatch: etag })).rejects.toMatchObject(changed);
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
  `${"x/".repeat(480)}x`,
  "x".repeat(256),
  ".tenantry/meta/x",
];

function describeKeys({ place }: Given): void {
  describe("keys that try to leave the tenant", () => {
    let mine: Place;
    let theirs: Place;
    beforeAll(async () => {
      mine = await place();
      theirs = await place();
      await theirs.storage.put("secret", "theirs");
    });

    test.each(attacks)("%j is refused by every method", async (attack) => {
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
      for (const prefix of ["../", `../${theirs.name}/`, "/", "a/../../", "a//", "..\\", "\0"]) {
        await expect(mine.storage.list({ prefix })).rejects.toMatchObject({ code: "unsafe_path" });
      }
      expect((await mine.storage.list({ prefix: "." })).items).toEqual([]);
    });

    test("the same key in two environments is two objects", async () => {
      const [mine, theirs] = [await place(), await place()];
      await mine.storage.put("a", "mine");
      await theirs.storage.put("a", "theirs!");
      expect(await text((await mine.storage.get("a")).body)).toBe("mine");
      await mine.storage.delete("a");
      expect(await theirs.storage.usage()).toEqual({ bytes: 7, objects: 1 });
    });
  });
}
