import { createHmac } from "node:crypto";
import { afterAll, beforeAll } from "vitest";
import { newId } from "../../../kernel/index.ts";
import { type TestCeph, testCeph } from "../../../testing/ceph.ts";
import { cephRole } from "../../../testing/ceph-role.ts";
import { describeStorageDriver } from "../driver.testsuite.ts";
import { makeBucket } from "./buckets.ts";
import { createS3StorageDriver, type S3Server } from "./index.ts";

let ceph: TestCeph;
beforeAll(async () => {
  ceph = await testCeph({ sts: true });
});
afterAll(() => ceph?.stop());

const deriveKey = (purpose: string) => createHmac("sha256", "a test's").update(purpose).digest();

type Way = { users: S3Server["users"]; prefixUsers?: boolean; byRole?: boolean };

async function newStore({ users, prefixUsers = false, byRole = false }: Way): Promise<S3Server> {
  const key = users || byRole ? ceph.admin : await ceph.addUser();
  const { endpoint } = ceph;
  const { accessKeyId, secretAccessKey } = key;
  const bucket = `files-${newId().slice(-12)}`;
  const server = { id: newId(), endpoint, region: "us-east-1", bucket, accessKeyId, secretAccessKey, users };
  await makeBucket(server);
  return { ...server, prefixUsers, role: byRole ? await cephRole(ceph, bucket) : null };
}

for (const [title, level, way, endsWriters] of [
  ["prefix", "prefix", { users: null }, false],
  ["prefix with users of their own", "prefix", { users: "ceph", prefixUsers: true }, true],
  ["prefix with keys for a time", "prefix", { users: null, byRole: true }, false],
  ["bucket with users of their own", "bucket", { users: "ceph" }, true],
] as const) {
  describeStorageDriver(`storage driver s3 at ${title}`, async () => ({
    driver: createS3StorageDriver({ server: await newStore(way), deriveKey }),
    ...{ level, endsWriters },
    close: async () => undefined,
  }));
}
