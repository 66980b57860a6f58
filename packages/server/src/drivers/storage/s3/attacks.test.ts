import { createHmac } from "node:crypto";
import { GetBucketPolicyCommand, PutBucketAclCommand, PutBucketPolicyCommand } from "@aws-sdk/client-s3";
import { openS3Storage, type S3Place, s3ClientOf } from "@tenantry/data";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../../kernel/index.ts";
import { type TestCeph, testCeph } from "../../../testing/ceph.ts";
import { testContext } from "../../../testing/driver-context.ts";
import { waitUntil } from "../../../testing/wait-until.ts";
import type { StorageDriver } from "../driver.ts";
import { listBuckets, makeBucket } from "./buckets.ts";
import { askCeph } from "./ceph-api.ts";
import { createS3StorageDriver, type S3Server } from "./index.ts";
import { s3Probes } from "./probes.ts";

// A tenant's application that was taken over has its environment's key, and sends whatever it likes with it.

const deriveKey = (purpose: string) => createHmac("sha256", "a test's").update(purpose).digest();

let ceph: TestCeph;
let server: S3Server;
let driver: StorageDriver;
let mine: S3Place;
let theirs: S3Place;

beforeAll(async () => {
  ceph = await testCeph();
  const { endpoint, admin } = ceph;
  const bucket = `files-${newId().slice(-12)}`;
  server = { id: newId(), endpoint, region: "us-east-1", bucket, ...admin, users: "ceph" };
  await makeBucket(server);
  driver = createS3StorageDriver({ server, deriveKey });
  [mine, theirs] = [await place(), await place()];
  await openS3Storage(theirs).put("secret", "theirs");
  await openS3Storage({ ...server, prefix: "" }).put("shared", "the server's");
});
afterAll(() => ceph?.stop());

/** An own bucket, as its application reaches it. */
async function place(): Promise<S3Place> {
  const environmentId = newId();
  const name = driver.nameFor(environmentId, "bucket");
  await driver.provision(testContext(), name, environmentId);
  const location = driver.location(name);
  if (!("accessKeyId" in location)) throw new Error("This is about keys that stay.");
  return location;
}

const denied = { cause: { name: "AccessDenied" } };
const withoutBody = { cause: { $metadata: { httpStatusCode: 403 } } };

test("another's bucket can't be read, listed, written, emptied or measured", async () => {
  const storage = openS3Storage({ ...mine, bucket: theirs.bucket });
  await expect(storage.get("secret")).rejects.toMatchObject(denied);
  await expect(storage.head("secret")).rejects.toMatchObject(withoutBody);
  await expect(storage.list()).rejects.toMatchObject(denied);
  await expect(storage.put("secret", "mine")).rejects.toMatchObject(denied);
  await expect(storage.put("large", Buffer.alloc(20_000_000))).rejects.toMatchObject(denied);
  await expect(storage.delete("secret")).rejects.toMatchObject(denied);
  await expect(storage.usage()).rejects.toMatchObject(denied);
});

test("nor can the server's own bucket, where others have their prefixes", async () => {
  const storage = openS3Storage({ ...mine, bucket: server.bucket });
  await expect(storage.get("shared")).rejects.toMatchObject(denied);
  await expect(storage.list()).rejects.toMatchObject(denied);
  await expect(storage.put("files/x", "mine")).rejects.toMatchObject(denied);
});

test("the key sees its own bucket alone, makes no other, and no users", async () => {
  expect(await listBuckets(mine)).toEqual([mine.bucket]);
  await expect(makeBucket({ ...mine, bucket: `${mine.bucket.slice(0, 30)}-more` })).rejects.toMatchObject({
    name: "TooManyBuckets",
  });
  const asMe = { ...mine, users: null };
  for (const [method, path, query] of [
    ["GET", "/admin/user", { uid: theirs.bucket }],
    ["PUT", "/admin/user", { uid: "mallory", "display-name": "Mallory" }],
    ["GET", "/admin/bucket", {}],
    ["DELETE", "/admin/user", { uid: theirs.bucket }],
  ] as const) {
    await expect(askCeph(asMe, method, path, query)).rejects.toMatchObject({ name: "AccessDenied" });
  }
});

test("rights to another's bucket can't be read or given away to oneself", async () => {
  const client = s3ClientOf(mine);
  const Bucket = theirs.bucket;
  const statement = { Effect: "Allow", Principal: "*", Action: "s3:*", Resource: `arn:aws:s3:::${Bucket}/*` };
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
  for (const command of [
    new PutBucketPolicyCommand({ Bucket, Policy }),
    new PutBucketAclCommand({ Bucket, ACL: "public-read-write" }),
  ]) {
    await expect(client.send(command as PutBucketPolicyCommand)).rejects.toMatchObject({
      name: "AccessDenied",
    });
  }
  await expect(client.send(new GetBucketPolicyCommand({ Bucket }))).rejects.toMatchObject({
    $metadata: { httpStatusCode: expect.toSatisfy((status) => status === 403 || status === 404) },
  });
});

test("a key is worth nothing once its place is removed", async () => {
  const gone = await place();
  await openS3Storage(gone).put("a", "x");
  await driver.remove(testContext(), gone.bucket);
  await expect(openS3Storage(gone).list()).rejects.toMatchObject({ cause: { name: "InvalidAccessKeyId" } });
  await expect(makeBucket(gone)).rejects.toMatchObject({ name: "InvalidAccessKeyId" });
});

test("keys can't be guessed from one another, and differ on every server", () => {
  const other = createS3StorageDriver({ server: { ...server, id: newId() }, deriveKey });
  const name = mine.bucket;
  const [here, there] = [driver.location(name), other.location(name)];
  expect(here).not.toEqual(there);
  expect(mine.secretAccessKey).not.toBe(theirs.secretAccessKey);
  expect(mine.secretAccessKey).toMatch(/^[\w-]{40}$/);
});

test("a signed request is good for its object, type and length alone, until it expires", async () => {
  const storage = openS3Storage(mine);
  const up = await storage.signUpload("a b/ü.png", { contentType: "image/png", bytes: 5 });
  const put = (url: string, body = "hello", headers = { "content-type": "image/png" }) =>
    fetch(url, { method: "PUT", body, headers }).then(({ status }) => status);
  expect(await put(up.url, "hello!")).toBe(403);
  expect(await put(up.url, "hello", { "content-type": "text/html" })).toBe(403);
  expect(await put(up.url.replace("a%20b", "c"))).toBe(403);
  expect(await put(up.url.replace(mine.bucket, theirs.bucket))).toBe(403);
  expect(await put(up.url)).toBe(200);
  expect(await storage.head("a b/ü.png")).toMatchObject({ size: 5, contentType: "image/png" });
  const down = await storage.signDownload("a b/ü.png", { expiresInSeconds: 2 });
  const get = (url: string) => fetch(url).then(async (got) => [got.status, got.ok && (await got.text())]);
  expect(await get(down.url)).toEqual([200, "hello"]);
  expect(
    await get(down.url.replace(mine.bucket, theirs.bucket).replace("a%20b/%C3%BC.png", "secret")),
  ).toEqual([403, false]);
  expect(await get(down.url.replace("Expires=2", "Expires=600"))).toEqual([403, false]);
  expect(await put(down.url)).toBe(403);
  await waitUntil("it expired", async () => (await get(down.url))[0] === 403);
});

describe("the probes of a verification", () => {
  const probed = (at: S3Place) => ({ environmentId: newId(), physicalName: at.bucket, markerKey: "secret" });

  async function answers() {
    const ground = { driver, from: probed(mine), to: probed(theirs), signal: new AbortController().signal };
    const ran = s3Probes.map(async (probe) => {
      expect(probe.applies?.(ground)).toBe(true);
      return [probe.id, (await probe.run(ground)).outcome];
    });
    return Object.fromEntries(await Promise.all(ran));
  }

  const sound = {
    "storage.s3-public": "refused",
    "storage.s3-signed": "refused",
    "storage.s3-key": "refused",
  };

  test("find nothing where nobody changed anything", async () => {
    await openS3Storage(mine).put("secret", "mine");
    expect(await answers()).toEqual(sound);
  });

  test("find a bucket that was opened to everybody, and one that was opened to other keys", async () => {
    await openS3Storage(mine).put("secret", "mine");
    const owner = s3ClientOf(theirs);
    const acl = (ACL: "public-read" | "authenticated-read" | "private") =>
      owner.send(new PutBucketAclCommand({ Bucket: theirs.bucket, ACL }));
    try {
      await acl("public-read");
      expect(await answers()).toEqual({
        ...sound,
        "storage.s3-public": "breach",
        "storage.s3-key": "breach",
      });
      await acl("authenticated-read");
      expect(await answers()).toEqual({ ...sound, "storage.s3-key": "breach" });
    } finally {
      await acl("private");
    }
    expect(await answers()).toEqual(sound);
  });
});
