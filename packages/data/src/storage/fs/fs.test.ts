import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chown,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { promisify } from "node:util";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ObjectNotFound } from "../../errors.ts";
import { isKey } from "../key.ts";
import type { ListedObject, Storage, StoredObject } from "../storage.ts";
import { openFsStorage, tidyFsStorage } from "./index.ts";

let outside: string;
let directory: string;
let storage: Storage;

beforeEach(async () => {
  outside = await mkdtemp(path.join(tmpdir(), "tenantry-storage-"));
  directory = path.join(outside, "tenant");
  await mkdir(directory);
  await writeFile(path.join(outside, "secret.txt"), "another tenant's");
  storage = openFsStorage(directory);
});

afterEach(() => rm(outside, { recursive: true, force: true }));

async function readAll(key: string): Promise<string> {
  return text((await storage.get(key)).body);
}

async function everyFile(): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.join(entry.parentPath, entry.name));
}

const listed = ({ contentType: _, ...object }: StoredObject): ListedObject => object;

describe("files in a directory", () => {
  it("lie there as plain files, type and checksum beside them", async () => {
    const put = await storage.put("media/a.svg", "<svg/>", { contentType: "image/svg+xml" });
    expect(await readFile(path.join(directory, "media/a.svg"), "utf8")).toBe("<svg/>");
    expect(put.etag).toBe(createHash("sha256").update("<svg/>").digest("hex"));
    expect(await storage.head("media/a.svg")).toEqual(put);
    expect((await storage.list()).items).toEqual([listed(put)]);
  });

  it("gives back every key it accepts, by get and by list in the order of bytes", async () => {
    const part = fc.oneof(
      fc.string({ minLength: 1, maxLength: 6 }),
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 4 }),
      fc.constantFrom("a", "a-", "a.b", "a0", "b"),
    );
    const key = fc
      .array(part, { minLength: 1, maxLength: 4 })
      .map((parts) => parts.join("/"))
      .filter(isKey);
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(key, { maxLength: 8 }), async (keys) => {
        const kept: string[] = [];
        for (const each of keys) {
          const clash = kept.some((other) => other.startsWith(`${each}/`) || each.startsWith(`${other}/`));
          const put = storage.put(each, each);
          if (clash) await expect(put).rejects.toMatchObject({ name: "KeyConflict" });
          else kept.push((await put).key);
        }
        const order = (left: string, right: string) => Buffer.compare(Buffer.from(left), Buffer.from(right));
        const listed: string[] = [];
        let cursor: string | undefined;
        do {
          const page = await storage.list({ limit: 3, cursor });
          listed.push(...page.items.map((item) => item.key));
          cursor = page.nextCursor;
        } while (cursor);
        expect(listed).toEqual(kept.toSorted(order));
        for (const each of kept) {
          expect(await readAll(each)).toBe(each);
          await storage.delete(each);
        }
        expect(await storage.usage()).toEqual({ bytes: 0, objects: 0 });
      }),
      { numRuns: 40 },
    );
    expect(await everyFile()).toEqual([]);
  });

  it("leaves no file behind when a body fails, is too large or is aborted, and keeps the old object", async () => {
    await storage.put("a", "old");
    const broken = Readable.from(
      (async function* () {
        yield "new";
        throw new Error("the client went away");
      })(),
    );
    await expect(storage.put("a", broken)).rejects.toThrow("the client went away");
    await expect(storage.put("a", "12345", { maxBytes: 4 })).rejects.toMatchObject({
      name: "ObjectTooLarge",
    });
    const controller = new AbortController();
    const aborted = (async function* () {
      yield "new";
      controller.abort(new Error("enough"));
      yield "more";
    })();
    await expect(storage.put("a", aborted, { signal: controller.signal })).rejects.toThrow("enough");
    expect(await readAll("a")).toBe("old");
    expect((await everyFile()).length).toBe(2);
  });

  it("keeps one record an object, however often it is replaced or deleted, also at once", async () => {
    await Promise.all(
      Array.from({ length: 20 }, (_, number) => storage.put("a/b", `version ${number % 10}`)),
    );
    const { etag } = await storage.head("a/b");
    expect(etag).toMatch(/^[0-9a-f]{64}$/);
    expect((await everyFile()).length).toBe(2);
    await storage.delete("a/b");
    expect(await everyFile()).toEqual([]);
    expect(await readdir(directory)).toEqual([".tenantry"]);
  });

  it("never answers with a mixture of two versions while they replace one another", async () => {
    const versions = [
      { body: "a".repeat(20_000), contentType: "text/a" },
      { body: "b".repeat(20_000), contentType: "text/b" },
    ];
    await storage.put("page", versions[0]!.body, versions[0]);
    let writing = true;
    const writer = (async () => {
      for (let round = 1; round < 60; round += 1) {
        const { body, contentType } = versions[round % 2]!;
        await openFsStorage(directory).put("page", body, { contentType });
      }
      writing = false;
    })();
    const seen = new Set<string>();
    while (writing) {
      const { body, contentType, etag } = await storage.get("page");
      const content = await text(body);
      expect(new Set(content).size).toBe(1);
      expect(contentType).toBe(`text/${content[0]}`);
      seen.add(`${content[0]} ${etag}`);
      const [listed] = (await storage.list()).items;
      expect([...seen].some((each) => each.endsWith(listed!.etag)) || seen.size < 2).toBe(true);
    }
    await writer;
    expect(seen.size).toBe(2);
  });

  it("survives writers and deleters of one directory at once", async () => {
    await Promise.all(
      Array.from({ length: 120 }, async (_, number) => {
        const key = `deep/er/${number % 4}/x`;
        if (number % 3 === 0) await storage.delete(key);
        else await storage.put(key, String(number));
      }),
    );
    for (const { key } of (await storage.list()).items) await storage.delete(key);
    expect(await everyFile()).toEqual([]);
  });
});

describe("files that somebody else wrote", () => {
  it("are objects too, and lose the record of what they replaced", async () => {
    const before = await storage.put("page.html", "ours", { contentType: "text/html" });
    await writeFile(path.join(directory, "page.html"), "theirs");
    const after = await storage.head("page.html");
    expect(after).toMatchObject({ size: 6, contentType: "application/octet-stream" });
    expect(after.etag).not.toBe(before.etag);
    expect(await readAll("page.html")).toBe("theirs");
  });

  it("keep type and checksum in copies that cut times to whole seconds", async () => {
    const put = await storage.put("page.html", "ours", { contentType: "text/html" });
    const seconds = Math.floor(put.modifiedAt.getTime() / 1000);
    await utimes(path.join(directory, "page.html"), seconds, seconds);
    expect(await storage.head("page.html")).toMatchObject({ contentType: "text/html", etag: put.etag });
    expect(await tidyFsStorage(directory, { olderThanMs: -1000 })).toEqual({ removed: 0 });
  });

  it("are passed over when no key could name them", async () => {
    for (const name of ["a\\b", "tab\there", "cafe\u0301", " x"])
      await writeFile(path.join(directory, name), "x");
    await promisify(execFile)("mkfifo", [path.join(directory, "pipe")]);
    expect((await storage.list()).items).toEqual([]);
    await expect(storage.get("pipe")).rejects.toMatchObject({ code: "not_found" });
  });
});

describe("a writer killed half-way", () => {
  it("leaves what tidying removes, and nothing that a reader would see", async () => {
    const kept = await storage.put("kept", "x", { contentType: "text/plain" });
    await storage.put("lost", "x");
    // Killed between the record and the rename: the record is there, the file isn't.
    await rm(path.join(directory, "lost"));
    await writeFile(path.join(directory, ".tenantry/incoming/half"), "half");
    expect((await storage.list()).items).toEqual([listed(kept)]);
    expect(await tidyFsStorage(directory)).toEqual({ removed: 0 });
    expect(await tidyFsStorage(directory, { olderThanMs: -1000 })).toEqual({ removed: 2 });
    expect((await everyFile()).length).toBe(2);
    expect(await storage.head("kept")).toEqual(kept);
  });
});

it("as root, another user's file isn't read by the further name that an application gave it", async () => {
  await storage.put("own", "mine");
  await link(path.join(directory, "own"), path.join(directory, "own-again"));
  await link(path.join(outside, "secret.txt"), path.join(directory, "taken"));
  // To nobody else its own files can be given; so to us all three are ours.
  if (process.geteuid?.() !== 0) return expect(await readAll("taken")).toBe("another tenant's");
  for (const name of ["own", ""]) await chown(path.join(directory, name), 4242, 4242);
  for (const read of [readAll, storage.head]) await expect(read("taken")).rejects.toThrow(ObjectNotFound);
  expect(await readAll("own-again")).toBe("mine");
});

describe("symlinks", () => {
  beforeEach(async () => {
    await mkdir(path.join(outside, "other"));
    await writeFile(path.join(outside, "other/secret.txt"), "another tenant's");
    await symlink(path.join(outside, "secret.txt"), path.join(directory, "leaf"));
    await symlink(path.join(outside, "other"), path.join(directory, "branch"));
    await symlink("../other", path.join(directory, "relative"));
  });

  it("are never followed by reading", async () => {
    for (const key of ["leaf", "branch/secret.txt", "relative/secret.txt"]) {
      await expect(storage.get(key)).rejects.toMatchObject({ code: "not_found" });
      await expect(storage.head(key)).rejects.toMatchObject({ code: "not_found" });
    }
    expect((await storage.list()).items).toEqual([]);
    expect((await storage.list({ prefix: "branch/" })).items).toEqual([]);
    expect(await storage.usage()).toEqual({ bytes: 0, objects: 0 });
  });

  it("are never followed by writing and deleting", async () => {
    await storage.put("leaf", "mine");
    expect(await readAll("leaf")).toBe("mine");
    for (const key of ["branch/new", "relative/new", "branch/secret.txt"]) {
      await expect(storage.put(key, "mine")).rejects.toMatchObject({ name: "KeyConflict" });
      await storage.delete(key);
    }
    expect(await readFile(path.join(outside, "secret.txt"), "utf8")).toBe("another tenant's");
    expect(await readdir(path.join(outside, "other"))).toEqual(["secret.txt"]);
    expect(await readFile(path.join(outside, "other/secret.txt"), "utf8")).toBe("another tenant's");
  });

  it("in the place of our own area or of the whole directory are refused", async () => {
    await symlink(path.join(outside, "other"), path.join(directory, ".tenantry"));
    await expect(storage.put("a", "x")).rejects.toThrow();
    expect(await readdir(path.join(outside, "other"))).toEqual(["secret.txt"]);
    const linked = path.join(outside, "linked");
    await symlink(path.join(outside, "other"), linked);
    await expect(openFsStorage(linked).get("secret.txt")).rejects.toMatchObject({
      name: "StorageUnavailable",
    });
  });

  it("swapped in for a directory while keys below it are used gain nothing", async () => {
    const real = path.join(directory, "swap");
    const aside = path.join(directory, "aside");
    await storage.put("swap/secret.txt", "mine");
    let swapping = true;
    const swap = async () => {
      await rename(real, aside);
      // A put may make the missing directory anew before us: then there's one round without a link.
      await symlink(path.join(outside, "other"), real).catch(() => undefined);
      for (let back = false; !back; ) {
        await rm(real, { recursive: true, force: true });
        back = await rename(aside, real).then(
          () => true,
          () => false,
        );
      }
    };
    const swapper = (async () => {
      try {
        for (let round = 0; round < 150; round += 1) await swap();
      } finally {
        swapping = false;
      }
    })();
    let reads = 0;
    while (swapping) {
      try {
        expect(await readAll("swap/secret.txt")).toBe("mine");
        reads += 1;
        await storage.put("swap/planted", "x");
      } catch (error) {
        expect(["ObjectNotFound", "KeyConflict"]).toContain((error as Error).name);
      }
    }
    await swapper;
    expect(reads).toBeGreaterThan(0);
    expect(await readdir(path.join(outside, "other"))).toEqual(["secret.txt"]);
  });
});

describe("bodies and ranges", () => {
  it("takes texts, buffers, streams of both kinds and generators, byte by byte the same", async () => {
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));
    const chunks = () => [bytes.subarray(0, 100_000), bytes.subarray(100_000)];
    const bodies = [bytes, Readable.from(chunks()), ReadableStream.from(chunks()), chunks().values()];
    const etags = new Set<string>();
    for (const body of bodies) {
      const put = await storage.put("file", body as Buffer);
      etags.add(put.etag);
      expect(put.size).toBe(300_000);
      expect((await buffer((await storage.get("file")).body)).equals(bytes)).toBe(true);
    }
    expect(etags.size).toBe(1);
  });
});
