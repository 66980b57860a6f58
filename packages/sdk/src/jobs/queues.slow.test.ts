import { setTimeout as pause } from "node:timers/promises";
import { Queue, Worker } from "bullmq";
import { PgBoss } from "pg-boss";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { fresh } from "../../../server/src/testing/fresh.ts";
import { type TestPostgres, testPostgres } from "../../../server/src/testing/postgres.ts";
import { type TestRedis, testRedis } from "../../../server/src/testing/redis.ts";
import { waitUntil } from "../../../server/src/testing/wait-until.ts";
import { createTenantry, TenantContextMissing, type Tenantry } from "../index.ts";
import { type TestInstallation, testInstallation } from "../testing/installation.ts";
import { addJob, tenantProcessor } from "./bullmq.ts";
import { tenantBoss } from "./pg-boss.ts";

const silent = { info() {}, warn() {} };
let postgres: TestPostgres;
let redis: TestRedis;
let boss: PgBoss;
let installation: TestInstallation;
let tenantry: Tenantry;

type Work = (data: { of: string }) => Promise<unknown>;
type Ended = "completed" | "failed";

/** One way to queue, as the tests below use it: three tries per job. */
type TestQueue = {
  name: string;
  add(data: object): Promise<string>;
  /** A job that nobody sealed. */
  addPlain(data: object): Promise<string>;
  work(work: Work): Promise<void>;
  ended(id: string): Promise<Ended | undefined>;
  close(): Promise<void>;
};

async function bossQueue(): Promise<TestQueue> {
  const name = fresh("queue");
  await boss.createQueue(name, { retryLimit: 2, retryDelay: 0 });
  const jobs = tenantBoss(tenantry, boss);
  return {
    name,
    add: async (data) => (await jobs.send(name, data))!,
    addPlain: async (data) => (await boss.send(name, data))!,
    work: async (work) => {
      await jobs.work<{ of: string }>(name, { batchSize: 40, pollingIntervalSeconds: 0.5 }, work);
    },
    async ended(id) {
      const [job] = await boss.findJobs(name, { id });
      return job?.state === "completed" || job?.state === "failed" ? job.state : undefined;
    },
    close: () => boss.offWork(name),
  };
}

async function bullQueue(): Promise<TestQueue> {
  const name = fresh("queue");
  const url = new URL(redis.url);
  const connection = {
    host: url.hostname,
    port: Number(url.port),
    username: url.username,
    password: url.password,
  };
  const queue = new Queue(name, { connection, defaultJobOptions: { attempts: 3 } });
  const workers: Worker[] = [];
  return {
    name,
    add: async (data) => (await addJob(tenantry, queue, "send", data)).id!,
    addPlain: async (data) => (await queue.add("send", data)).id!,
    work: async (work) => {
      workers.push(new Worker(name, tenantProcessor(tenantry, work), { connection, concurrency: 40 }));
    },
    async ended(id) {
      const state = await queue.getJobState(id);
      return state === "completed" || state === "failed" ? state : undefined;
    },
    async close() {
      for (const worker of workers) await worker.close();
      await queue.close();
    },
  };
}

beforeAll(async () => {
  [postgres, redis, installation] = await Promise.all([testPostgres(), testRedis(), testInstallation()]);
  tenantry = createTenantry({ url: installation.url, appKey: installation.appKey, log: silent });
  boss = new PgBoss({ connectionString: await postgres.createDatabase(), max: 5 });
  await boss.start();
});
afterAll(async () => {
  await boss?.stop({ graceful: false });
  await tenantry?.close();
  installation?.stop();
  await redis?.stop();
  await postgres?.stop();
});

describe.each([
  ["pg-boss", bossQueue],
  ["BullMQ", bullQueue],
])("jobs in %s", (_, open) => {
  let queue: TestQueue;
  beforeEach(async () => {
    queue = await open();
  });
  afterEach(() => queue.close());

  async function endsAs(id: string): Promise<Ended> {
    let end: Ended | undefined;
    await waitUntil("the job has ended", async () => {
      end = await queue.ended(id);
      return end !== undefined;
    });
    return end!;
  }

  test("of many tenants at the same time never see another tenant's context, however they interleave", async () => {
    const tenants = Array.from({ length: 20 }, () => installation.addTenant(fresh("tenant")));
    const seen: { of: string; contexts: string[] }[] = [];
    const ids: string[] = [];
    for (let at = 0; at < 300; at += 1) {
      const { id, tenantSlug } = tenants[at % tenants.length]!;
      ids.push(await tenantry.run(id, () => queue.add({ of: tenantSlug })));
    }
    // Started in a tenant's context, which must not become everybody's.
    await tenantry.run(tenants[0]!.id, () =>
      queue.work(async ({ of }) => {
        const contexts = [tenantry.current().tenant.slug];
        for (let step = 0; step < 4; step += 1) {
          await (Math.random() < 0.5 ? pause(Math.random() * 4) : Promise.resolve());
          contexts.push(tenantry.current().tenant.slug);
        }
        seen.push({ of, contexts: [...new Set(contexts)] });
      }),
    );
    await waitUntil("all jobs are done", () => seen.length === ids.length);
    for (const { of, contexts } of seen) expect(contexts).toEqual([of]);
  });

  test("that nobody sealed, or that were sealed for another queue, never run and are not tried again", async () => {
    const acme = installation.addTenant(fresh("acme"));
    const stolen = await tenantry.run(acme.id, () => tenantry.jobs.seal("elsewhere", { of: "stolen" }));
    const forged = { ...stolen, data: { of: "forged" } };
    const ids = [];
    for (const job of [stolen, forged, { of: "plain" }]) ids.push(await queue.addPlain(job));
    const ran: string[] = [];
    await queue.work(async ({ of }) => ran.push(of));
    for (const id of ids) expect(await endsAs(id)).toBe("failed");
    expect(ran).toEqual([]);
  });

  test("of a tenant that is deleted meanwhile fail for good, beside those of others that are done", async () => {
    const [acme, other] = [installation.addTenant(fresh("acme")), installation.addTenant(fresh("other"))];
    const lost = await tenantry.run(acme.id, () => queue.add({ of: "acme" }));
    const kept = await tenantry.run(other.id, () => queue.add({ of: "other" }));
    installation.remove(acme.id);
    await waitUntil("the deletion is known", () =>
      tenantry.run(acme.id, () => false).catch((error: unknown) => tenantry.jobs.isFinal(error)),
    );
    const ran: string[] = [];
    await queue.work(async ({ of }) => ran.push(of));
    expect(await endsAs(kept)).toBe("completed");
    expect(await endsAs(lost)).toBe("failed");
    expect(ran).toEqual(["other"]);
  });

  test("that fail are tried again, and no other job with them", async () => {
    const acme = installation.addTenant(fresh("acme"));
    const [bad, good] = await tenantry.run(acme.id, async () => [
      await queue.add({ of: "bad" }),
      await queue.add({ of: "good" }),
    ]);
    const ran: string[] = [];
    await queue.work(async ({ of }) => {
      ran.push(of);
      if (of === "bad" && ran.filter((one) => one === "bad").length < 3) throw new Error("not yet");
    });
    expect(await endsAs(bad!)).toBe("completed");
    expect(await endsAs(good!)).toBe("completed");
    expect(ran.toSorted()).toEqual(["bad", "bad", "bad", "good"]);
  });

  test("are not sent where no tenant is known", async () => {
    await expect(queue.add({ of: "nobody" })).rejects.toThrow(TenantContextMissing);
  });
});
