import { createHmac } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll } from "vitest";
import { newId } from "../../../kernel/index.ts";
import { type TestCeph, testCeph } from "../../../testing/ceph.ts";
import { describeCopies } from "../copy-files.testsuite.ts";
import { describeStorageDriver } from "../driver.testsuite.ts";
import { createFsStorageDriver } from "../fs/index.ts";
import { makeBucket } from "./buckets.ts";
import { createS3StorageDriver, type S3Server } from "./index.ts";

let ceph: TestCeph;
beforeAll(async () => {
  ceph = await testCeph();
});
afterAll(() => ceph?.stop());

const deriveKey = (purpose: string) => createHmac("sha256", "a test's").update(purpose).digest();

async function newStore(users: S3Server["users"]): Promise<S3Server> {
  const key = users ? ceph.admin : await ceph.addUser();
  const { endpoint } = ceph;
  const { accessKeyId, secretAccessKey } = key;
  const bucket = `files-${newId().slice(-12)}`;
  const server = { id: newId(), endpoint, region: "us-east-1", bucket, accessKeyId, secretAccessKey, users };
  await makeBucket(server);
  return server;
}

for (const [level, users, endsWriters] of [
  ["prefix", null, false],
  ["bucket", "ceph", true],
] as const) {
  describeStorageDriver(
    `storage driver s3 at ${level}${users ? " with users of their own" : ""}`,
    async () => ({
      driver: createS3StorageDriver({ server: await newStore(users), deriveKey }),
      ...{ level, endsWriters },
      close: async () => undefined,
    }),
  );
}

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), "tenantry-copies-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

describeCopies(async () => {
  const one = createS3StorageDriver({ server: await newStore(null), deriveKey });
  const users = createS3StorageDriver({ server: await newStore("ceph"), deriveKey });
  return {
    disk: { driver: createFsStorageDriver({ root }), level: "prefix" },
    bucket: { driver: one, level: "prefix" },
    "buckets of one key": { driver: one, level: "bucket" },
    "buckets of users": { driver: users, level: "bucket" },
  };
}, [
  ["disk", "disk", "as a stream"],
  ["disk", "bucket", "as a stream"],
  ["bucket", "disk", "as a stream"],
  ["bucket", "bucket", "within the store"],
  ["bucket", "buckets of one key", "within the store"],
  ["buckets of users", "buckets of users", "as a stream"],
  ["bucket", "buckets of users", "as a stream"],
]);
