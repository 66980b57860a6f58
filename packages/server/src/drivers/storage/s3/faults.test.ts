import { createHmac, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { openS3Storage, s3ClientOf } from "@tenantry/data";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { newId } from "../../../kernel/index.ts";
import { type TestCeph, testCeph } from "../../../testing/ceph.ts";
import { testContext } from "../../../testing/driver-context.ts";
import { type FaultyProxy, faultyProxy } from "../../../testing/faulty-proxy.ts";
import type { StorageDriver } from "../driver.ts";
import { listBuckets, makeBucket } from "./buckets.ts";
import { createS3StorageDriver, type S3Server } from "./index.ts";

const deriveKey = (purpose: string) => createHmac("sha256", "a test's").update(purpose).digest();
const unavailable = { name: "StorageUnavailable", code: "storage_unavailable", retryAfterSeconds: 5 };

let ceph: TestCeph;
let proxy: FaultyProxy;
let server: S3Server;
let driver: StorageDriver;

beforeAll(async () => {
  ceph = await testCeph();
  const bucket = `files-${newId().slice(-12)}`;
  const { endpoint, admin } = ceph;
  server = { id: newId(), endpoint, region: "us-east-1", bucket, ...admin, users: "ceph" };
  await makeBucket(server);
});
afterAll(() => ceph?.stop());
beforeEach(async () => {
  // One for each test: its client's budget of retries, and what it learned of the clock, stay with it.
  proxy = await faultyProxy(ceph.endpoint);
  server = { ...server, endpoint: proxy.url };
  driver = createS3StorageDriver({ server, deriveKey });
});
afterEach(() => proxy.stop());

async function place(level = "prefix") {
  const environmentId = newId();
  const name = driver.nameFor(environmentId, level);
  await driver.provision(testContext(), name, environmentId);
  return { environmentId, name, storage: driver.handle(name) };
}

/** Fails the first requests of each kind, and lets the later ones through. */
function failFirst(times: number): void {
  const failed = new Map<string, number>();
  proxy.fault = ({ method, url }) => {
    const kind = `${method} ${url}`;
    failed.set(kind, (failed.get(kind) ?? 0) + 1);
    return failed.get(kind)! <= times ? "fail" : "pass";
  };
}

async function begunUploads(): Promise<number> {
  const command = new ListMultipartUploadsCommand({ Bucket: server.bucket });
  return (await s3ClientOf(server).send(command)).Uploads?.length ?? 0;
}

test("a server that fails now and then isn't noticed, by small and large objects, lists and deletions", async () => {
  const { storage } = await place();
  const bytes = randomBytes(20_000_000);
  failFirst(1);
  await storage.put("large", bytes);
  await storage.put("small", "x");
  expect((await buffer((await storage.get("large")).body)).equals(bytes)).toBe(true);
  expect((await storage.list()).items).toHaveLength(2);
  await storage.delete("large");
  expect(await storage.usage()).toEqual({ bytes: 1, objects: 1 });
});

test("a server that keeps failing is told as unavailable by every method, soon, and after a few requests", async () => {
  const { storage } = await place();
  await storage.put("a", "old");
  proxy.fault = () => "fail";
  for (const attempt of [
    () => storage.put("a", "new"),
    () => storage.get("a"),
    () => storage.head("a"),
    () => storage.delete("a"),
    () => storage.list(),
    () => storage.usage(),
  ]) {
    proxy.seen = [];
    const begun = performance.now();
    await expect(attempt()).rejects.toMatchObject(unavailable);
    expect(performance.now() - begun).toBeLessThan(5_000);
    expect(proxy.seen.length).toBeLessThanOrEqual(3);
  }
  proxy.fault = () => "pass";
  expect(await text((await storage.get("a")).body)).toBe("old");
});

test("an upload whose parts can't be stored leaves the old object, and no parts", async () => {
  const { storage } = await place();
  await storage.put("a", "old");
  const bytes = randomBytes(20_000_000);
  proxy.fault = ({ url }) => (url.includes("partNumber=3") ? "fail" : "pass");
  await expect(storage.put("a", Readable.from([bytes]))).rejects.toMatchObject(unavailable);
  expect(await text((await storage.get("a")).body)).toBe("old");
  expect(await begunUploads()).toBe(0);
});

test("parts that couldn't even be given up are removed when everything in the place is", async () => {
  const { storage, name } = await place();
  proxy.fault = ({ method, url }) => (url.includes("partNumber=2") || method === "DELETE" ? "fail" : "pass");
  await expect(storage.put("a", randomBytes(20_000_000))).rejects.toMatchObject(unavailable);
  proxy.fault = () => "pass";
  expect(await begunUploads()).toBe(1);
  // They are of today: somebody may still be at work on them.
  expect(await driver.tidy()).toEqual({ removed: 0 });
  await driver.remove(testContext(), name);
  expect(await begunUploads()).toBe(0);
});

test("a body that is cut off half-way is an error, never a shorter object", async () => {
  const { storage } = await place();
  await storage.put("a", randomBytes(3_000_000));
  proxy.fault = ({ method }) => (method === "GET" ? "cut" : "pass");
  const { body } = await storage.get("a");
  await expect(buffer(body)).rejects.toMatchObject(unavailable);
});

test("a body that isn't what was stored when it arrives is an error at its end, whole or in parts, copied or not", async () => {
  const { storage, name } = await place();
  const copy = await place();
  const bodies = {
    small: Buffer.alloc(1_000, 1),
    large: randomBytes(20_000_000),
    exact: randomBytes(2 ** 24),
  };
  for (const [key, body] of Object.entries(bodies)) {
    const { size } = await storage.put(key, body);
    await driver.provision(testContext(), copy.name, copy.environmentId);
    const within = { signal: new AbortController().signal };
    const isCopied = await driver.copyWithin!(name, copy.name, { key, size }, within);
    for (const from of isCopied ? [storage, copy.storage] : [storage]) {
      expect((await buffer((await from.get(key)).body)).equals(body)).toBe(true);
      proxy.fault = ({ method }) => (method === "GET" ? "garble answer" : "pass");
      await expect(buffer((await from.get(key)).body), key).rejects.toMatchObject({
        ...unavailable,
        cause: { message: "What came isn't what its ETag says." },
      });
      proxy.fault = () => "pass";
    }
  }
});

test("what others have written in parts of their own is read as it is", async () => {
  const { storage, name } = await place();
  const location = driver.location(name);
  if (!("accessKeyId" in location)) throw new Error("This is about keys that stay.");
  const [client, target] = [s3ClientOf(location), { Bucket: location.bucket, Key: `${location.prefix}a` }];
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(target));
  const Parts = [];
  for (const PartNumber of [1, 2]) {
    const Body = Buffer.alloc(6_000_000, PartNumber);
    const { ETag } = await client.send(new UploadPartCommand({ ...target, UploadId, PartNumber, Body }));
    Parts.push({ PartNumber, ETag });
  }
  const MultipartUpload = { Parts };
  await client.send(new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload }));
  expect((await buffer((await storage.get("a")).body)).length).toBe(12_000_000);
});

test("an upload that is cut on its way is an error, and never an object, whole or in parts", async () => {
  const { storage } = await place();
  for (const body of [randomBytes(3_000_000), randomBytes(20_000_000)]) {
    proxy.fault = ({ method }) => (method === "PUT" ? "cut request" : "pass");
    await expect(storage.put("a", body)).rejects.toMatchObject(unavailable);
    proxy.fault = () => "pass";
    await expect(storage.head("a")).rejects.toMatchObject({ name: "ObjectNotFound" });
  }
  expect(await begunUploads()).toBe(0);
});

test("a finished upload whose answer is lost counts as finished", async () => {
  const { storage } = await place();
  let lost = 0;
  proxy.fault = ({ method, url }) => {
    if (method !== "POST" || !url.includes("uploadId")) return "pass";
    lost += 1;
    return lost === 1 ? "cut" : "pass";
  };
  const put = await storage.put("a", randomBytes(20_000_000));
  proxy.fault = () => "pass";
  expect(await storage.head("a")).toMatchObject({ size: 20_000_000, etag: put.etag });
});

test("a server that asks for less at a time is given time, and told as unavailable when it goes on asking", async () => {
  const { storage } = await place();
  let asked = 0;
  proxy.fault = () => (++asked <= 2 ? "slow-down" : "pass");
  await storage.put("a", "x");
  expect(asked).toBe(3);
  proxy.fault = () => "slow-down";
  proxy.seen = [];
  await expect(storage.put("a", "y")).rejects.toMatchObject({ ...unavailable, cause: { name: "SlowDown" } });
  expect(proxy.seen.length).toBeLessThanOrEqual(3);
  proxy.fault = () => "pass";
  expect(await text((await storage.get("a")).body)).toBe("x");
});

test("an upload that isn't what was sent when it arrives isn't stored, whole or in parts", async () => {
  const { storage } = await place();
  await storage.put("a", "old");
  proxy.fault = ({ method }) => (method === "PUT" ? "garble" : "pass");
  for (const body of [Buffer.alloc(1_000, 1), randomBytes(20_000_000)]) {
    await expect(storage.put("a", body)).rejects.toMatchObject(unavailable);
  }
  proxy.fault = () => "pass";
  expect(await text((await storage.get("a")).body)).toBe("old");
  expect(await begunUploads()).toBe(0);
});

test("a slow server is only slow", async () => {
  const { storage } = await place();
  proxy.delayMs = 400;
  await storage.put("a", "x");
  expect(await text((await storage.get("a")).body)).toBe("x");
});

test("a wrong key is told as unavailable, without the key", async () => {
  const { name } = await place();
  const location = driver.location(name);
  if (!("accessKeyId" in location)) throw new Error("This is about keys that stay.");
  const storage = openS3Storage({ ...location, secretAccessKey: "a-wrong-secret" });
  const refused = await storage.put("a", "x").catch((error: Error) => error);
  expect(refused).toMatchObject(unavailable);
  expect(JSON.stringify(refused)).not.toContain("a-wrong-secret");
});

test("a clock that is an hour off is put right by what the server says", async () => {
  const { storage } = await place();
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 3_600_000 });
  try {
    await storage.put("a", "x");
    expect(await text((await storage.get("a")).body)).toBe("x");
  } finally {
    vi.useRealTimers();
  }
});

test("making and removing a place fail as unavailable while the server does, and end well afterwards", async () => {
  for (const level of ["prefix", "bucket"]) {
    const environmentId = newId();
    const name = driver.nameFor(environmentId, level);
    const failed = { code: "storage_unavailable", status: 503 };
    const context = testContext();
    proxy.fault = () => "fail";
    await expect(driver.provision(context, name, environmentId)).rejects.toMatchObject(failed);
    await expect(driver.remove(context, name)).rejects.toMatchObject(failed);
    expect(context.resources()).toMatchObject([{ state: "creating" }]);
    proxy.fault = () => "pass";
    await driver.provision(context, name, environmentId);
    expect(await driver.verify(name, environmentId)).toEqual([]);
    await driver.remove(context, name);
    expect(context.resources()).toEqual([]);
    expect(await driver.list()).not.toContain(name);
  }
});

test("whichever request a maker or a remover is cut off at, another ends what it began", async () => {
  const count = async (work: () => Promise<unknown>) => {
    proxy.seen = [];
    await work();
    return proxy.seen.length;
  };
  const first = await place("bucket");
  const making = await count(() => driver.provision(testContext(), first.name, first.environmentId));
  for (let dieAt = 1; dieAt <= making + 4; dieAt += 1) {
    const environmentId = newId();
    const name = driver.nameFor(environmentId, "bucket");
    let requests = 0;
    proxy.fault = () => (++requests >= dieAt ? "fail" : "pass");
    const context = testContext();
    await driver.provision(context, name, environmentId).catch(() => undefined);
    requests = 0;
    await driver.remove(context, name).catch(() => undefined);
    proxy.fault = () => "pass";
    await driver.remove(context, name);
    expect(await driver.list()).not.toContain(name);
  }
});

test("a bucket that is somebody else's is refused and left alone, by removal too", async () => {
  const stranger = await ceph.addUser();
  const environmentId = newId();
  const name = driver.nameFor(environmentId, "bucket");
  const theirs = { ...server, ...stranger, bucket: name };
  await makeBucket(theirs);
  await openS3Storage({ ...theirs, prefix: "" }).put("a", "theirs");
  const context = testContext();
  await expect(driver.provision(context, name, environmentId)).rejects.toMatchObject({ code: "name_taken" });
  await driver.remove(context, name);
  expect(context.resources()).toEqual([]);
  expect(await text((await openS3Storage({ ...theirs, prefix: "" }).get("a")).body)).toBe("theirs");
  expect(await listBuckets(theirs)).toEqual([name]);
});
