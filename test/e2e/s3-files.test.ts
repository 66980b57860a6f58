import type { OperationReply, TenantReply } from "@tenantry/contract";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type TestCeph, testCeph } from "../../packages/server/src/testing/ceph.ts";
import {
  listBuckets,
  listCephBuckets,
  listCephUsers,
  listNames,
  makeBucket,
} from "../../packages/server/src/testing/ceph-contents.ts";
import { cephRole } from "../../packages/server/src/testing/ceph-role.ts";
import { type FaultyProxy, faultyProxy } from "../../packages/server/src/testing/faulty-proxy.ts";
import { eventually } from "../support/eventually.ts";
import { fresh } from "../support/fresh.ts";
import { password, siteUser, uploadTo } from "../support/site-user.ts";
import { killInside } from "../support/steps.ts";
import { useInstallation } from "../support/use-installation.ts";
import { becomesWhole } from "../support/whole.ts";

const installation = useInstallation();
const bucket = "tenantry";
let ceph: TestCeph;
let proxy: FaultyProxy;

beforeAll(async () => {
  ceph = await testCeph({ sts: true });
  proxy = await faultyProxy(ceph.endpoint);
  await makeBucket(at());
  const { accessKeyId, secretAccessKey } = ceph.admin;
  const where = ["--endpoint", proxy.url, "--bucket", bucket, "--users", "ceph"];
  const key = ["--access-key", accessKeyId, "--secret-key", secretAccessKey];
  const added = await installation.command(["storage", "add", "ceph", ...where, ...key, "--json"]);
  expect([added.code, added.stderr]).toEqual([0, ""]);
  const keys = { prefix: "user", bucket: "user" };
  expect(JSON.parse(added.stdout)).toMatchObject({ levels: ["prefix", "bucket"], keys, warnings: [] });
});
afterAll(async () => {
  await proxy?.stop();
  await ceph?.stop();
});

const at = () => ({ endpoint: ceph.endpoint, region: "us-east-1", bucket, ...ceph.admin });

type Site = { slug: string; name: string; media: string };
const content = "0123456789".repeat(300_000);

/** A tenant with its files at a level, whose admin has uploaded one. */
async function site(level: string, server = "ceph"): Promise<Site> {
  const slug = fresh(level);
  const admin = { email: `admin@${slug}.example`, password };
  const tenant = await installation.api.createTenant(slug, { admin, isolation: { storage: level } });
  const placement = { driver: "s3", level, server };
  expect(tenant.environments[0]!.placements.storage).toMatchObject(placement);
  const user = siteUser(installation, slug);
  expect(await user.logIn(admin.email)).toBe(303);
  const uploaded = await upload(slug, user.cookie);
  expect(uploaded.status).toBe(303);
  const library = (await user.get("/admin/media")).body;
  return { slug, name: await nameOf(slug), media: /href="(\/media\/[^"]*)"/.exec(library)![1]! };
}

const upload = (slug: string, cookie: string) =>
  uploadTo(installation, slug, { cookie, name: "numbers.bin", content });

async function nameOf(slug: string): Promise<string> {
  const rows = await installation.sql<{ name: string }>(
    `select p.physical_name as name from placements p join environments e on e.id = p.environment_id
     join tenants t on t.id = e.tenant_id where t.slug = $1 and p.kind = 'storage'`,
    [slug],
  );
  return rows[0]!.name;
}

async function remove(slug: string): Promise<void> {
  const { body } = await installation.api.call<OperationReply>("DELETE", `/v1/tenants/${slug}?now=true`);
  expect(await installation.api.ended(body.id)).toMatchObject({ status: "succeeded" });
}

/** Everything of tenants that stands on the server. */
async function standing(): Promise<string[]> {
  const prefixes = [...(await listNames(at(), "places/")), ...(await listNames(at(), "files/"))];
  const server = { ...at(), id: "test", users: "ceph" as const };
  const others = [...(await listCephUsers(server)), ...(await listCephBuckets(server))];
  return [...prefixes, ...others].filter((name) => name !== bucket && name !== "admin");
}

it("Sites runs unchanged with its tenants' files in S3, at prefix and bucket, and leaves nothing there", async () => {
  const [shared, own] = await Promise.all([site("prefix"), site("bucket")]);
  for (const { slug, media } of [shared, own]) {
    const whole = await installation.visit(slug, media);
    expect([whole.status, whole.body === content]).toEqual([200, true]);
    const range = { headers: { range: "bytes=1500003-1500007" } };
    const part = await installation.visit(slug, media, range);
    expect([part.status, part.body]).toEqual([206, "34567"]);
    expect(part.headers["content-range"]).toBe(`bytes 1500003-1500007/${content.length}`);
  }
  expect((await installation.visit(own.slug, shared.media)).status).toBe(404);
  expect((await installation.visit(shared.slug, own.media)).status).toBe(404);
  expect(await standing()).toEqual(expect.arrayContaining([shared.name, own.name]));
  expect(await listBuckets(at())).not.toContain(own.name);
  for (const { slug } of [shared, own]) await remove(slug);
  const left = await standing();
  for (const { name } of [shared, own]) expect(left).not.toContain(name);
  await becomesWhole(installation);
});

it("Sites runs unchanged with keys that are given for a time, and none are given while a tenant is suspended", async () => {
  const common = { ...at(), bucket: "by-role" };
  await makeBucket(common);
  const { arn } = await cephRole(ceph, common.bucket);
  // The one with the most room is taken.
  const where = ["--endpoint", ceph.endpoint, "--bucket", common.bucket, "--capacity", "1000000"];
  const key = ["--access-key", common.accessKeyId, "--secret-key", common.secretAccessKey];
  const by = ["--role", arn, "--json"];
  const added = await installation.command(["storage", "add", "by-role", ...where, ...key, ...by]);
  expect([added.code, added.stderr]).toEqual([0, ""]);
  const keys = { prefix: "temporary", bucket: "temporary" };
  const warnings = [expect.stringMatching(/whether the file exists/)];
  expect(JSON.parse(added.stdout)).toMatchObject({ keys, warnings });
  const [one, other] = [await site("prefix", "by-role"), await site("bucket", "by-role")];
  for (const { slug, media } of [one, other]) {
    expect((await installation.visit(slug, media)).body === content).toBe(true);
    expect((await installation.visit(slug, "/media/nothing.png")).status).toBe(404);
    await installation.api.call("POST", `/v1/tenants/${slug}/suspend`, { reason: "operator" });
    await eventually("it is closed", async () => (await installation.visit(slug, media)).status !== 200);
    await installation.api.call("POST", `/v1/tenants/${slug}/resume`);
    await eventually("it is open", async () => (await installation.visit(slug, media)).status === 200);
    await remove(slug);
  }
  expect((await installation.command(["storage", "remove", "by-role"])).code).toBe(0);
  await becomesWhole(installation);
});

it("while S3 fails, files are told as unavailable with a time to come again, and all else goes on", async () => {
  const one = await site("bucket");
  proxy.fault = () => "fail";
  try {
    const file = await installation.visit(one.slug, one.media);
    expect([file.status, file.headers["retry-after"]]).toEqual([503, "5"]);
    expect((await installation.visit(one.slug, "/")).status).toBe(200);
  } finally {
    proxy.fault = () => "pass";
  }
  await eventually("the file is there again", async () => {
    return (await installation.visit(one.slug, one.media)).status === 200;
  });
  await remove(one.slug);
});

it("a tenant made while S3 fails waits for it", async () => {
  const slug = fresh("waits");
  proxy.seen = [];
  proxy.fault = () => "fail";
  const body = { slug, name: slug, isolation: { storage: "bucket" } };
  const begun = await installation.api.call<OperationReply>("POST", "/v1/tenants", body);
  try {
    await eventually("S3 was asked in vain", async () => proxy.seen.length > 0);
  } finally {
    proxy.fault = () => "pass";
  }
  expect(await installation.api.ended(begun.body.id)).toMatchObject({ status: "succeeded" });
  const name = await nameOf(slug);
  expect(await standing()).toContain(name);
  await remove(slug);
  expect(await standing()).not.toContain(name);
});

it("a level that no server offers is refused, naming those that can be had", async () => {
  const body = { slug: fresh("own"), name: "Own", isolation: { storage: "own" } };
  const refused = await installation.api.call<{ code: string; detail: string }>("POST", "/v1/tenants", body);
  expect([refused.status, refused.body.code]).toEqual([422, "isolation_unavailable"]);
  expect(refused.body.detail).toMatch(/available: prefix, bucket/);
});

it("kill -9 of everything right after a bucket was made: the tenant gets it, and nothing is left over", async () => {
  const slug = fresh("killed");
  const begin = async () => {
    const body = { slug, name: slug, isolation: { storage: "bucket" } };
    return (await installation.api.call<OperationReply>("POST", "/v1/tenants", body)).body.id;
  };
  const when = "new.kind = 'storage' and new.state = 'present'";
  const point = { before: "update", on: "resources", when } as const;
  const ended = await killInside(installation, { step: "initialise-storage", point }, begin);
  expect(ended).toMatchObject({ status: "succeeded" });
  const { body: tenant } = await installation.api.call<TenantReply>("GET", `/v1/tenants/${slug}`);
  expect(tenant.status).toBe("active");
  const name = await nameOf(slug);
  expect(await standing()).toContain(name);
  await remove(slug);
  expect(await standing()).not.toContain(name);
  await becomesWhole(installation);
});
