import { createHmac } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { openS3Storage, type Storage } from "@tenantry/data";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "../../kernel/index.ts";
import { type TestCeph, testCeph } from "../../testing/ceph.ts";
import { makeBucket } from "../../testing/ceph-contents.ts";
import { testContext } from "../../testing/driver-context.ts";
import { compareFiles } from "./compare-files.ts";
import { type CopyEnd, copyFiles } from "./copy-files.ts";
import type { StorageDriver } from "./driver.ts";
import { createFsStorageDriver, createS3StorageDriver } from "./index.ts";

type CopyGround = { driver: StorageDriver; level: string };

const files: Record<string, { body: string | Buffer; type: string }> = {
  "plain.txt": { body: "plain", type: "text/plain" },
  "deep/er/and deeper/a file.html": { body: "<p>", type: 'text/html; charset="utf-8"' },
  "odd ?&=+%25#;,'()!~ ü 日本 👩‍👩‍👧/naïve.json": { body: "{}", type: "application/json" },
  empty: { body: "", type: "application/x-empty" },
  "media/large.bin": { body: Buffer.alloc(12_000_000, "0123456789"), type: "application/octet-stream" },
};

let ceph: TestCeph;
let root: string;
let ends: Record<string, CopyGround>;

beforeAll(async () => {
  ceph = await testCeph();
  root = await mkdtemp(path.join(tmpdir(), "tenantry-copies-"));
  const one = await store(null);
  ends = {
    disk: { driver: createFsStorageDriver({ root }), level: "prefix" },
    bucket: { driver: one, level: "prefix" },
    "buckets of one key": { driver: one, level: "bucket" },
    "buckets of users": { driver: await store("ceph"), level: "bucket" },
    "prefixes of users": { driver: await store("ceph"), level: "prefix" },
  };
});
afterAll(async () => {
  await ceph?.stop();
  await rm(root, { recursive: true, force: true });
});

async function store(users: "ceph" | null): Promise<StorageDriver> {
  const { accessKeyId, secretAccessKey } = users ? ceph.admin : await ceph.addUser();
  const bucket = `files-${newId().slice(-12)}`;
  const at = { endpoint: ceph.endpoint, region: "us-east-1", bucket, accessKeyId, secretAccessKey };
  await makeBucket(at);
  const deriveKey = (purpose: string) => createHmac("sha256", "a test's").update(purpose).digest();
  const prefixUsers = users !== null;
  return createS3StorageDriver({ server: { id: newId(), ...at, users, prefixUsers }, deriveKey });
}

async function place(kind: string): Promise<CopyEnd & { storage: Storage }> {
  const { driver, level } = ends[kind]!;
  const environmentId = newId();
  const physicalName = driver.nameFor(environmentId, level);
  await driver.provision(testContext(), physicalName, environmentId);
  return { driver, physicalName, storage: driver.handle(physicalName) };
}

async function filled(kind: string, keys = Object.keys(files)) {
  const end = await place(kind);
  const theirs = applicationsFiles(end);
  for (const key of keys) await theirs.put(key, files[key]!.body, { contentType: files[key]!.type });
  return end;
}

/** The files of a place as its application reaches them. */
function applicationsFiles({ driver, physicalName, storage }: CopyEnd & { storage: Storage }): Storage {
  const location = driver.location(physicalName);
  return "accessKeyId" in location ? openS3Storage(location) : storage;
}

async function contents({ storage }: { storage: Storage }) {
  const found: Record<string, unknown> = {};
  for (const { key } of (await storage.list({ limit: 1_000 })).items) {
    const { contentType, body } = await storage.get(key);
    found[key] = [contentType, await text(body)];
  }
  return found;
}

const { signal } = new AbortController();

test.each([
  ["disk", "disk", "as a stream"],
  ["disk", "bucket", "as a stream"],
  ["bucket", "disk", "as a stream"],
  ["bucket", "bucket", "within the store"],
  ["bucket", "buckets of one key", "within the store"],
  ["buckets of users", "buckets of users", "as a stream"],
  ["bucket", "buckets of users", "as a stream"],
  ["prefixes of users", "buckets of users", "as a stream"],
  ["buckets of users", "prefixes of users", "as a stream"],
])("files go from %s to %s %s: each file with its name and type, once", async (from, to, how) => {
  const [source, target] = [await filled(from), await place(to)];
  const read: string[] = [];
  const watched: StorageDriver = {
    ...source.driver,
    handle: (name) => {
      const handle = source.driver.handle(name);
      const get: Storage["get"] = (key, options) => {
        read.push(key);
        return handle.get(key, options);
      };
      return name === source.physicalName ? { ...handle, get } : handle;
    },
  };
  const toDriver = source.driver === target.driver ? watched : target.driver;
  const between = { from: { ...source, driver: watched }, to: { ...target, driver: toDriver } };
  const told: number[] = [];
  const copied = await copyFiles(between, {
    signal,
    progress: async ({ objects }) => void told.push(objects),
  });
  expect(copied).toMatchObject({ objects: Object.keys(files).length, kept: 0 });
  expect(told.at(-1)).toBe(copied.objects);
  const theirs = applicationsFiles(target);
  expect(await contents({ storage: theirs })).toEqual(await contents(source));
  expect(read.length > 0).toBe(how === "as a stream");
});

test("a copy goes on where an interrupted one was: what stands and is younger isn't read again", async () => {
  const kind = "disk";
  const [source, target] = [await filled(kind), await place(kind)];
  // By clocks that differ by less than this nothing could be told.
  const older = (at: Date) => new Date(at.getTime() - 3_600_000);
  const aged: StorageDriver = {
    ...source.driver,
    handle: (name) => {
      const handle = source.driver.handle(name);
      const list: Storage["list"] = async (options) => {
        const page = await handle.list(options);
        return {
          ...page,
          items: page.items.map((item) => ({ ...item, modifiedAt: older(item.modifiedAt) })),
        };
      };
      return { ...handle, list };
    },
  };
  const stopped = new AbortController();
  const from = { ...source, driver: aged };
  const cut = copyFiles(
    { from, to: target },
    { signal: stopped.signal, progress: async () => stopped.abort(new Error("cut")) },
  );
  await expect(cut).rejects.toThrow("cut");
  // Of another size it is another file.
  await target.storage.put("plain.txt", "another");
  const copied = await copyFiles({ from, to: target }, { signal });
  expect(copied.objects).toBe(Object.keys(files).length);
  expect(copied.kept).toBeGreaterThan(0);
  expect(await contents(target)).toEqual(await contents(source));
});

test.each([
  ["disk", "bucket"],
  ["bucket", "disk"],
  ["prefixes of users", "buckets of users"],
])(
  "from %s to %s, a copy that follows takes what was put and deleted since; then both are the same, and what isn't is told",
  async (from, to) => {
    const [source, target] = [await filled(from), await place(to)];
    const between = { from: source, to: target };
    await copyFiles(between, { signal });
    const theirs = applicationsFiles(source);
    await theirs.delete("plain.txt");
    await theirs.put("media/new.txt", "new", { contentType: "text/plain" });
    await theirs.put("media/large.bin", "smaller");
    expect((await compareFiles(between, { signal })).differences).toHaveLength(3);
    await copyFiles(between, { signal, follows: true });
    expect(await contents(target)).toEqual(await contents(source));
    const compared = await compareFiles(between, { signal });
    expect(compared).toMatchObject({ objects: Object.keys(files).length, differences: [] });
    expect(Date.parse(compared.youngestAt!)).toBeGreaterThan(Date.now() - 600_000);
  },
);

test("two files of one size with other contents are told apart where the stores' checksums are of one make", async () => {
  const [one, other] = [await filled("bucket", ["plain.txt"]), await place("bucket")];
  await other.storage.put("plain.txt", "plane");
  const { differences } = await compareFiles({ from: one, to: other }, { signal });
  expect(differences).toEqual(["plain.txt has another content at the new place."]);
});

test("of two empty places nothing is the youngest", async () => {
  const between = { from: await place("disk"), to: await place("disk") };
  expect(await compareFiles(between, { signal })).toEqual({
    ...{ objects: 0, bytes: 0, youngestAt: null, differences: [] },
  });
});
