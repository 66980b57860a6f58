import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  createTenantry,
  EnvironmentSuspended,
  EnvironmentUnknown,
  JobRefused,
  TenantContextMissing,
  type Tenantry,
} from "../index.ts";
import { type TestInstallation, testInstallation } from "../testing/installation.ts";
import { addJob, tenantProcessor } from "./bullmq.ts";
import { openJob, type SealedJob, sealJob } from "./sealed-job.ts";

const silent = { info() {}, warn() {} };
let installation: TestInstallation;
let tenantry: Tenantry;

beforeEach(async () => {
  installation = await testInstallation();
  tenantry = createTenantry({ url: installation.url, appKey: installation.appKey, log: silent });
});
afterEach(async () => {
  await tenantry.close();
  installation.stop();
});

/** Waits until the application has heard of a change. */
async function heard(environmentId: string, isSo: (outcome: unknown) => boolean): Promise<void> {
  const outcome = () =>
    tenantry.run(environmentId, ({ tenant }) => tenant.id).catch((error: unknown) => error);
  await expect.poll(async () => isSo(await outcome())).toBe(true);
}

const key = { key: Buffer.alloc(32, 1).toString("base64"), audience: "app_1" };
const owner = { tenantId: "tnt_1", environmentId: "env_1" };

/** As PostgreSQL's jsonb gives an object back: its keys in another order. */
function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([name, part]) => [name, reordered(part)] as const)
      .reverse(),
  );
}

describe("a sealed job", () => {
  test("opens with whatever data JSON can say, also when a queue kept its parts in another order", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (data) => {
        const job = reordered(JSON.parse(JSON.stringify(sealJob(key, "mail", owner, data))));
        expect(openJob(key, "mail", job)).toEqual({ owner, data: JSON.parse(JSON.stringify(data)) });
      }),
    );
  });

  test("is refused when anything of it was changed, or it is for something else", () => {
    const job = sealJob(key, "mail", owner, { to: "ann", copies: 1 });
    const sealed = (change: object): SealedJob => ({ ...job, tenantry: { ...job.tenantry, ...change } });
    const wrong: [string, unknown][] = [
      ["another tenant", sealed({ tenant: "tnt_2" })],
      ["another environment", sealed({ environment: "env_2" })],
      ["a later time", sealed({ sealedAt: job.tenantry.sealedAt + 1 })],
      ["another version", sealed({ v: 2 })],
      ["an empty seal", sealed({ seal: "" })],
      ["no seal", sealed({ seal: undefined })],
      ["changed data", { ...job, data: { to: "bob", copies: 1 } }],
      ["data as text", { ...job, data: JSON.stringify(job.data) }],
      ["no data", { tenantry: job.tenantry }],
      ["no envelope", { to: "ann" }],
      ["null", null],
      ["text", "job"],
    ];
    for (const [what, changed] of wrong) {
      expect(() => openJob(key, "mail", changed), what).toThrow(JobRefused);
    }
    expect(() => openJob(key, "print", job)).toThrow("its seal isn't valid for print");
    expect(() => openJob({ ...key, audience: "app_2" }, "mail", job)).toThrow(JobRefused);
    expect(() => openJob({ ...key, key: Buffer.alloc(32, 2).toString("base64") }, "mail", job)).toThrow(
      JobRefused,
    );
    expect(openJob(key, "mail", job).owner).toEqual(owner);
  });

  test("can't be made of what JSON can't say", () => {
    for (const data of [() => 1, Symbol("x")]) {
      expect(() => sealJob(key, "mail", owner, data)).toThrow("what JSON can say");
    }
    expect(() => sealJob(key, "mail", owner, { count: 1n })).toThrow(TypeError);
  });
});

describe("jobs", () => {
  test("run in the tenant's context in which they were made", async () => {
    const acme = installation.addTenant("acme");
    const job = await tenantry.run(acme.id, () => tenantry.jobs.seal("mail", { to: "ann" }));
    const seen = await tenantry.jobs.run("mail", job, (data, context) => ({
      data,
      ...tenantry.logFields(),
      slug: context.tenant.slug,
    }));
    expect(seen).toEqual({
      data: { to: "ann" },
      slug: "acme",
      tenantId: acme.tenantId,
      environmentId: acme.id,
    });
  });

  test("aren't made where no tenant is known", () => {
    expect(() => tenantry.jobs.seal("mail", {})).toThrow(TenantContextMissing);
  });

  test("of a tenant that is gone are refused for good, those of a suspended one for now", async () => {
    const acme = installation.addTenant("acme");
    const job = await tenantry.run(acme.id, () => tenantry.jobs.seal("mail", {}));
    const work = () => expect.unreachable("the job of an unusable tenant ran");

    installation.change(acme.id, { tenantStatus: "suspended" });
    await heard(acme.id, (outcome) => outcome instanceof EnvironmentSuspended);
    const suspended = await tenantry.jobs.run("mail", job, work).catch((error: unknown) => error);
    expect(suspended).toBeInstanceOf(EnvironmentSuspended);
    expect(tenantry.jobs.isFinal(suspended)).toBe(false);

    installation.change(acme.id, { tenantStatus: "deleted" });
    await heard(acme.id, (outcome) => outcome instanceof EnvironmentUnknown);
    const deleted = await tenantry.jobs.run("mail", job, work).catch((error: unknown) => error);
    expect(deleted).toBeInstanceOf(EnvironmentUnknown);
    expect(tenantry.jobs.isFinal(deleted)).toBe(true);

    installation.remove(acme.id);
    await expect(tenantry.jobs.run("mail", job, work)).rejects.toThrow(EnvironmentUnknown);
  });

  test("of one BullMQ queue aren't those of another, whatever slashes are in the names", async () => {
    const acme = installation.addTenant("acme");
    const queueOf = (name: string) => ({ name, add: async (_name: string, data: object) => data });
    const sent = await tenantry.run(acme.id, () => addJob(tenantry, queueOf("mail"), "send/all", {}));
    const work = tenantProcessor(tenantry, () => "worked off");
    expect(await work({ queueName: "mail", name: "send/all", data: sent })).toBe("worked off");
    for (const [queueName, name] of [
      ["mail/send", "all"],
      ["mail%2Fsend", "all"],
    ] as const) {
      await expect(work({ queueName, name, data: sent }), queueName).rejects.toThrow("its seal isn't valid");
    }
  });

  test("of an environment that went to another tenant are refused", async () => {
    const acme = installation.addTenant("acme");
    const job = await tenantry.run(acme.id, () => tenantry.jobs.seal("mail", {}));
    installation.change(acme.id, { tenantId: "tnt_another" });
    await heard(acme.id, (outcome) => outcome === "tnt_another");
    await expect(
      tenantry.jobs.run("mail", job, () => expect.unreachable("another tenant's job ran")),
    ).rejects.toThrow("its environment is another tenant's");
  });
});
