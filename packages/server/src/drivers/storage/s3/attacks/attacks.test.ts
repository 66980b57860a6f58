import { createHmac } from "node:crypto";
import { text } from "node:stream/consumers";
import { CreateMultipartUploadCommand, ListPartsCommand, UploadPartCommand } from "@aws-sdk/client-s3";
import { openS3Storage, type S3Reach, s3ClientOf } from "@tenantry/data";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../../../kernel/index.ts";
import { type TestCeph, testCeph } from "../../../../testing/ceph.ts";
import { cephRole } from "../../../../testing/ceph-role.ts";
import { testContext } from "../../../../testing/driver-context.ts";
import type { StorageDriver } from "../../driver.ts";
import { makeBucket } from "../buckets.ts";
import { askCeph, askCephIam } from "../ceph-api.ts";
import { checkS3Server } from "../check.ts";
import { createS3StorageDriver, type S3Server } from "../index.ts";
import { reachAsApplication } from "../reach.ts";
import { prefixUserOf } from "../server.ts";
import { type S3Attack, type S3Attacker, type S3Way, s3Attacks, s3OutcomeOf } from "./list.ts";

const deriveKey = (purpose: string) => createHmac("sha256", "a test's").update(purpose).digest();

let ceph: TestCeph;
beforeAll(async () => {
  ceph = await testCeph({ sts: true });
});
afterAll(() => ceph?.stop());

async function newServer(way: S3Way): Promise<S3Server> {
  const { endpoint, admin } = ceph;
  const bucket = `files-${newId().slice(-12)}`;
  const server = { id: newId(), endpoint, region: "us-east-1", bucket, ...admin };
  await makeBucket(server);
  if (way === "temporary") return { ...server, users: null, role: await cephRole(ceph, bucket) };
  return { ...server, users: "ceph", prefixUsers: true };
}

async function place(driver: StorageDriver, level: string): Promise<{ name: string; reach: S3Reach }> {
  const environmentId = newId();
  const name = driver.nameFor(environmentId, level);
  await driver.provision(testContext(), name, environmentId);
  return { name, reach: reachAsApplication(driver, name) };
}

describe.each(["user", "temporary", "bucket"] as const)("with a key of the kind %s", (way) => {
  let driver: StorageDriver;
  let attacker: S3Attacker;
  let victim: S3Reach;
  let own: { name: string; reach: S3Reach };

  beforeAll(async () => {
    driver = createS3StorageDriver({ server: await newServer(way), deriveKey });
    const level = way === "bucket" ? "bucket" : "prefix";
    own = await place(driver, level);
    victim = (await place(driver, level)).reach;
    await openS3Storage(own.reach).put("mine", "mine");
    await openS3Storage(victim).put("secret", "theirs");
    const upload = { Bucket: victim.bucket, Key: `${victim.prefix}begun` };
    const { UploadId } = await s3ClientOf(victim).send(new CreateMultipartUploadCommand(upload));
    await s3ClientOf(victim).send(
      new UploadPartCommand({ ...upload, UploadId, PartNumber: 1, Body: "theirs" }),
    );
    attacker = { client: s3ClientOf(own.reach), own: own.reach, theirs: victim, uploadId: UploadId! };
  });

  async function outcomeOf(attack: S3Attack): Promise<string> {
    try {
      return (await attack.play(attacker)) === undefined ? "nothing" : "done";
    } catch (error) {
      const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode ?? 0;
      if (status < 400 || status >= 500) throw error;
      return "refused";
    }
  }

  test.each([...Map.groupBy(s3Attacks, ({ group }) => group)])("%s", async (_group, attacks) => {
    for (const attack of attacks) {
      const outcome = s3OutcomeOf(attack, way);
      expect(await outcomeOf(attack), attack.title).toBe(typeof outcome === "string" ? outcome : "done");
    }
    const storage = openS3Storage(victim);
    expect(await text((await storage.get("secret")).body)).toBe("theirs");
    expect((await storage.list()).items.map(({ key }) => key)).toEqual(["secret"]);
    const upload = { Bucket: victim.bucket, Key: `${victim.prefix}begun`, UploadId: attacker.uploadId };
    expect((await s3ClientOf(victim).send(new ListPartsCommand(upload))).Parts).toHaveLength(1);
  });

  test("a request that it signs is good for its object, method, type and length alone", async () => {
    const storage = openS3Storage(own.reach);
    const theirPath = `${victim.bucket}/${victim.prefix}secret`;
    const down = await storage.signDownload("mine", { expiresInSeconds: 600 });
    const myPath = `${own.reach.bucket}/${own.reach.prefix}mine`;
    const status = async (url: string, init?: RequestInit) => {
      const answer = await fetch(url, init);
      await answer.body?.cancel();
      return answer.status;
    };
    expect(await status(down.url)).toBe(200);
    for (const changed of [
      down.url.replace(myPath, theirPath),
      down.url.replace("/mine", "/other"),
      down.url.replace("Expires=600", "Expires=60000"),
      `${down.url}&response-content-type=text%2Fhtml`,
      `${down.url}&versionId=null`,
    ]) {
      expect(await status(changed), changed).toBe(403);
    }
    for (const method of ["PUT", "DELETE", "POST"]) expect(await status(down.url, { method })).toBe(403);
    const up = await storage.signUpload("up", { contentType: "image/png", bytes: 5 });
    const put = (body: string, type: string, url = up.url) =>
      status(url, { method: "PUT", body, headers: { "content-type": type } });
    expect(await put("hello!", "image/png")).toBe(403);
    expect(await put("hello", "text/html")).toBe(403);
    expect(await put("hello", "image/png", up.url.replace("/up", "/down"))).toBe(403);
    expect(await put("hello", "image/png")).toBe(200);
    // Signed by its own key, for what is the neighbour's.
    const turned = openS3Storage({ ...own.reach, bucket: victim.bucket, prefix: victim.prefix });
    expect(await status((await turned.signDownload("secret")).url)).toBe(403);
  });
});

test("a user whose policy was widened, or who was given another policy or key, is found", async () => {
  const server = await newServer("user");
  const driver = createS3StorageDriver({ server, deriveKey });
  const { name } = await place(driver, "prefix");
  const UserName = prefixUserOf(server, name);
  const verify = () => driver.verify(name, newId());
  expect(await verify()).toEqual([]);
  const anything = [{ Effect: "Allow", Action: ["s3:*"], Resource: ["arn:aws:s3:::*"] }];
  const PolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement: anything });
  const give = { Action: "PutUserPolicy", UserName, PolicyDocument };
  await askCephIam(server, { ...give, PolicyName: "tenantry" });
  expect(await verify()).toEqual([expect.stringMatching(/policy of the user .* was changed/)]);
  await driver.admit!(name, true, { signal: new AbortController().signal });
  expect(await verify()).toEqual([]);
  await askCephIam(server, { ...give, PolicyName: "more" });
  expect(await verify()).toEqual([expect.stringMatching(/other policies than its own: more, tenantry/)]);
  await askCephIam(server, { Action: "DeleteUserPolicy", UserName, PolicyName: "more" });
  await askCeph(server, "PUT", "/admin/user", { key: "", uid: UserName, "generate-key": "true" });
  expect(await verify()).toEqual([
    expect.stringMatching(/a key that Tenantry didn't make/),
    expect.stringMatching(/other policies than its own: none/),
  ]);
});

test("a role that this key may not assume, or an STS that isn't there, is told at its field", async () => {
  const { role, ...server } = await newServer("temporary");
  const check = (arn: string, endpoint = ceph.endpoint) =>
    checkS3Server({ ...server, role: { arn, endpoint } }, { installationId: "a test's" });
  expect(await check(role!.arn)).toMatchObject({ mistakes: [], prefixUsers: false });
  for (const refused of [
    await check(`${role!.arn}-of-nobody`),
    await check(role!.arn, "http://127.0.0.1:1"),
  ]) {
    expect(refused.mistakes).toMatchObject([{ pointer: "/roleArn" }]);
  }
});
