import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { OperationReply, TenantReply } from "@tenantry/contract";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type TestCeph, testCeph } from "../../packages/server/src/testing/ceph.ts";
import {
  cephKeysOf,
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
import { holdAt, recordingOf } from "../support/hold.ts";
import { password, siteUser, uploadTo } from "../support/site-user.ts";
import { killInside } from "../support/steps.ts";
import { killInsideEach, type Place } from "../support/together.ts";
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
  const name = fresh("by-role");
  const common = { ...at(), bucket: name };
  await makeBucket(common);
  const { arn } = await cephRole(ceph, common.bucket);
  // The one with the most room is taken.
  const where = ["--endpoint", ceph.endpoint, "--bucket", common.bucket, "--capacity", "1000000"];
  const key = ["--access-key", common.accessKeyId, "--secret-key", common.secretAccessKey];
  const by = ["--role", arn, "--json"];
  const added = await installation.command(["storage", "add", name, ...where, ...key, ...by]);
  expect([added.code, added.stderr]).toEqual([0, ""]);
  const keys = { prefix: "temporary", bucket: "temporary" };
  const warnings = [expect.stringMatching(/whether the file exists/)];
  expect(JSON.parse(added.stdout)).toMatchObject({ keys, warnings });
  const [one, other] = [await site("prefix", name), await site("bucket", name)];
  for (const { slug, media } of [one, other]) {
    expect((await installation.visit(slug, media)).body === content).toBe(true);
    expect((await installation.visit(slug, "/media/nothing.png")).status).toBe(404);
    await installation.api.call("POST", `/v1/tenants/${slug}/suspend`, { reason: "operator" });
    await eventually("it is closed", async () => (await installation.visit(slug, media)).status !== 200);
    await installation.api.call("POST", `/v1/tenants/${slug}/resume`);
    await eventually("it is open", async () => (await installation.visit(slug, media)).status === 200);
    await remove(slug);
  }
  expect((await installation.command(["storage", "remove", name])).code).toBe(0);
  await becomesWhole(installation);
});

const move = (slug: string, body: object, headers?: Record<string, string>) =>
  installation.api.call<OperationReply>(
    "POST",
    `/v1/tenants/${slug}/environments/production/move`,
    body,
    headers,
  );

async function placementOf(slug: string) {
  const { body } = await installation.api.call<TenantReply>("GET", `/v1/tenants/${slug}`);
  return body.environments[0]!.placements.storage as { driver: string; level: string; generation: number };
}

/** Uploads to a site, a hundred files at most; once it is stopped it tells how many were taken, and what there is. */
async function uploader(slug: string) {
  const user = siteUser(installation, slug);
  expect(await user.logIn(`admin@${slug}.example`)).toBe(303);
  let [going, told] = [true, 0];
  const uploading = (async () => {
    for (let count = 0; going && count < 100; count += 1) {
      const name = `${"late".repeat(1 + (count % 3))}-${count}.bin`;
      const file = { cookie: user.cookie, name, content: `number ${count}` };
      if ((await uploadTo(installation, slug, file)).status === 303) told += 1;
    }
  })();
  return async () => {
    going = false;
    await uploading;
    const media = new Set<string>();
    for (let part = 1, before = -1; media.size > before; part += 1) {
      before = media.size;
      const library = (await user.get(`/admin/media?part=${part}`)).body;
      for (const [, href] of library.matchAll(/href="(\/media\/[^"]*)"/g)) media.add(href!);
    }
    return { told, media: [...media] };
  };
}

it("a tenant's files go from a prefix to a bucket and to this machine's disk while people upload, and nothing that they were told is kept is lost", async () => {
  const { slug, media, name } = await site("prefix");
  const stopFirst = await uploader(slug);
  const moved = await installation.command([
    "tenant",
    "move",
    slug,
    "--storage",
    "bucket",
    "--yes",
    "--wait",
  ]);
  expect([moved.code, moved.stdout]).toEqual([0, expect.stringContaining("files bucket on ceph")]);
  expect(await placementOf(slug)).toMatchObject({ driver: "s3", level: "bucket", generation: 2 });
  expect(await standing()).not.toContain(name);
  const [first, bucketName] = [await stopFirst(), await nameOf(slug)];
  const stop = await uploader(slug);
  const there = { preset: "soft", storageServer: "disk" };
  const { status, body } = await move(slug, there, { prefer: "wait=60" });
  expect([status, body]).toEqual([200, expect.objectContaining({ status: "succeeded" })]);
  const uploads = await stop();
  expect(await placementOf(slug)).toMatchObject({ driver: "fs", level: "prefix", generation: 3 });
  const shown = await installation.command(["tenant", "show", slug]);
  expect(shown.stdout).toMatch(/shared on \S+ +prefix on disk +in memory/);
  expect(await standing()).not.toContain(bucketName);
  expect((await installation.visit(slug, media)).body === content).toBe(true);
  const told = first.told + uploads.told;
  expect(told).toBeGreaterThan(2);
  // Its own first one stands there, too.
  expect(uploads.media.length).toBe(told + 1);
  for (const href of uploads.media)
    expect([href, (await installation.visit(slug, href)).status]).toEqual([href, 200]);
  await remove(slug);
  await becomesWhole(installation);
});

it("files go to a server that a tenant has to itself, where all belongs to another user, and away to one that gives keys for a time", async () => {
  const { slug, media } = await site("prefix");
  const [own, byRole] = [fresh("own"), fresh("by-role")];
  const theirs = { ...at(), ...(await ceph.addUser()), bucket: own };
  const ours = { ...at(), bucket: byRole };
  const register = async (server: typeof ours, ...more: string[]) => {
    await makeBucket(server);
    const key = ["--access-key", server.accessKeyId, "--secret-key", server.secretAccessKey];
    const where = ["--endpoint", ceph.endpoint, "--bucket", server.bucket, ...key, ...more];
    expect(await installation.command(["storage", "add", server.bucket, ...where])).toMatchObject({
      code: 0,
    });
  };
  await register(theirs, "--own", "--tenant", slug);
  await register(ours, "--role", (await cephRole(ceph, byRole)).arn);
  for (const [body, placement] of [
    [{ isolation: { storage: "own" } }, { level: "own", server: own }],
    [
      { isolation: { storage: "prefix" }, storageServer: byRole },
      { level: "prefix", server: byRole },
    ],
  ] as const) {
    const moved = await move(slug, body, { prefer: "wait=60" });
    expect([body, moved.body]).toEqual([body, expect.objectContaining({ status: "succeeded" })]);
    expect(await placementOf(slug)).toMatchObject(placement);
    expect((await installation.visit(slug, media)).body === content).toBe(true);
  }
  await remove(slug);
  for (const name of [own, byRole])
    expect((await installation.command(["storage", "remove", name])).code).toBe(0);
  await becomesWhole(installation);
});

it("a changed level of files in a file of apply moves them, once; where they are already, nothing happens", async () => {
  const { slug, media } = await site("prefix");
  const file = path.join(await mkdtemp(path.join(tmpdir(), "tenantry-move-")), "tenants.yaml");
  await writeFile(
    file,
    `apiVersion: tenantry/v1\ntenants:\n  - { slug: ${slug}, name: ${slug}, isolation: { storage: bucket } }\n`,
  );
  const apply = async (...more: string[]) => {
    const { code, stdout } = await installation.command(["apply", "-f", file, "--json", ...more]);
    return [code, JSON.parse(stdout).counts];
  };
  expect(await apply("--yes")).toEqual([0, expect.objectContaining({ done: 1 })]);
  expect(await placementOf(slug)).toMatchObject({ level: "bucket" });
  expect(await apply("--yes")).toEqual([0, expect.objectContaining({ unchanged: 1 })]);
  expect((await installation.visit(slug, media)).status).toBe(200);
  const refusals = [
    [{ isolation: { storage: "bucket" } }, 409, "illegal_transition"],
    [{ isolation: { storage: "own" } }, 422, "isolation_unavailable"],
    [{ storageServer: "nowhere" }, 404, "server_not_found"],
    [{ isolation: { storage: "bucket" }, storageServer: "disk" }, 422, "isolation_unavailable"],
    [{ preset: "medium" }, 422, "isolation_unavailable"],
  ] as const;
  for (const [body, status, code] of refusals)
    expect([body, await move(slug, body)]).toMatchObject([body, { status, body: { code } }]);
  await rm(path.dirname(file), { recursive: true });
  await remove(slug);
});

it("a move of files that is cancelled right before the tenant is sent there leaves them where they were, and its key lets it in", async () => {
  const { slug, name, media } = await site("prefix");
  await using hold = await holdAt(installation, {
    before: "update",
    on: "placements",
    when: "new.state = 'retired'",
  });
  const { body } = await move(slug, { isolation: { storage: "bucket" } });
  await hold.reached();
  expect((await installation.visit(slug, media)).status).toBe(503);
  const key = { ...at(), id: "test", users: "ceph" as const };
  const buckets = await listCephBuckets(key);
  const uid = (await listCephUsers(key)).find((user) => user.endsWith(name) && !buckets.includes(user))!;
  // Ours is left.
  expect(await cephKeysOf(key, uid)).toHaveLength(1);
  const cancelled = await installation.api.call("POST", `/v1/operations/${body.id}/cancel`);
  expect(cancelled.status).toBe(202);
  await hold.release();
  expect(await installation.api.ended(body.id)).toMatchObject({ status: "cancelled" });
  expect(await nameOf(slug)).toBe(name);
  const user = siteUser(installation, slug);
  expect(await user.logIn(`admin@${slug}.example`)).toBe(303);
  expect((await upload(slug, user.cookie)).status).toBe(303);
  expect((await installation.visit(slug, media)).body === content).toBe(true);
  await remove(slug);
  await becomesWhole(installation);
});

it("a suspended tenant's files go, and its key at the new place lets nobody in until it is resumed", async () => {
  const { slug, media } = await site("prefix");
  await installation.api.call("POST", `/v1/tenants/${slug}/suspend`);
  const moved = await move(slug, { isolation: { storage: "bucket" } }, { prefer: "wait=60" });
  expect(moved.body).toMatchObject({ status: "succeeded" });
  const [key, uid] = [{ ...at(), id: "test", users: "ceph" as const }, await nameOf(slug)];
  await eventually("only our key is left", async () => (await cephKeysOf(key, uid))?.length === 1);
  await installation.api.call("POST", `/v1/tenants/${slug}/resume`);
  await eventually("its files are there again", async () => {
    return (await installation.visit(slug, media)).body === content;
  });
  await remove(slug);
});

const recorded = (step: string): Place => ({
  step,
  when: "when all is done but recording it",
  point: recordingOf(step),
});

const steps = [
  {
    step: "build",
    when: "when its bucket stands",
    point: { before: "update", on: "resources", when: "new.kind = 'storage' and new.state = 'present'" },
  },
  ...["close", "copy", "reopen"].map(recorded),
  {
    step: "clean-up",
    when: "before it is forgotten",
    point: { before: "delete", on: "placements", when: "old.state = 'retired'" },
  },
] as const satisfies Place[];

it("after kill -9 of everything at any step of a move of files, the tenant arrives with them, and nothing is left over or missing", async () => {
  const sites = new Map(
    await Promise.all(steps.map(async (place) => [place, await site("prefix")] as const)),
  );
  const all = await killInsideEach(installation, steps, async (place) => {
    return (await move(sites.get(place)!.slug, { isolation: { storage: "bucket" } })).body.id;
  });
  for (const { place, ended } of all)
    expect([place.step, ended.status, ended.error]).toEqual([place.step, "succeeded", null]);
  for (const { slug, name, media } of sites.values()) {
    expect(await standing()).not.toContain(name);
    expect((await installation.visit(slug, media)).body === content).toBe(true);
    await remove(slug);
  }
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
