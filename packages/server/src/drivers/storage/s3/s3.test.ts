import { createHmac } from "node:crypto";
import { afterAll, beforeAll } from "vitest";
import { newId } from "../../../kernel/index.ts";
import { type TestCeph, testCeph } from "../../../testing/ceph.ts";
import { describeStorageDriver } from "../driver.testsuite.ts";
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
