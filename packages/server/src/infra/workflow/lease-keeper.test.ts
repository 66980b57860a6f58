import { once } from "node:events";
import { createServer } from "node:net";
import { expect, test } from "vitest";
import { severableTo } from "../../testing/severable.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { useWorkflowBench } from "../../testing/workflows.ts";
import { sql } from "../db/index.ts";
import { type Log, silentLog } from "../log/index.ts";
import { claimOperations } from "./claim.sql.ts";
import { defineWorkflow } from "./index.ts";
import { renewLeases } from "./lease.sql.ts";
import { type Lease, LeaseKeeper } from "./lease-keeper.ts";
import { writeReleased } from "./ledger.sql.ts";

const { registry, bench } = useWorkflowBench();

const workflow = defineWorkflow({ kind: "test.leases", version: 1, steps: [] });

/** An operation held by `holder`, as no worker in this test would. */
async function claimed(holder: string) {
  const id = await bench.begin(workflow);
  const request = { id, holder, leaseMs: 60_000, known: ["test.leases@1"], limit: 1 };
  const [operation] = await claimOperations(registry.db, request);
  return operation!;
}

async function openKeeper(leaseMs: number): Promise<LeaseKeeper> {
  const options = { url: registry.url, applicationName: "test keeper", leaseMs, log: silentLog };
  const keeper = new LeaseKeeper(options, () => undefined);
  await keeper.start();
  return keeper;
}

test("an operation that is let go of while its lease is renewed stays free", async () => {
  const operation = await claimed("me");
  await writeReleased(registry.db, operation, undefined);
  await renewLeases(registry.db, "me", [operation], 60_000);
  const { rows } = await sql`
    select lease_holder, lease_until from operations where id = ${operation.id}
  `.execute(registry.db);
  expect(rows).toEqual([{ lease_holder: null, lease_until: null }]);
});

test("a keeper whose operation was taken goes on under another name once all work under the old one has stopped", async () => {
  const keeper = await openKeeper(60_000);
  const name = keeper.holder!;
  const operation = await claimed(name);
  const lease: Lease = {
    ...operation,
    isLost: false,
    lose: () => Object.assign(lease, { isLost: true }),
    hear: () => undefined,
  };
  keeper.keep(name, lease);
  await sql`update operations set fence = fence + 1, lease_holder = 'other', overtaken = array[${name}::text]
    where id = ${operation.id}`.execute(registry.db);
  keeper.renewSoon();
  await waitUntil("it lost the lease", () => lease.isLost);
  await waitUntil("it has another name", () => keeper.holder !== undefined && keeper.holder !== name);
  expect(await isFree(name)).toBe(false);
  keeper.drop(lease);
  await waitUntil("the old name is free", () => isFree(name));
  await keeper.close();
});

test("a keeper notices that its operation was taken also when the work had stopped before it looked", async () => {
  const keeper = await openKeeper(60_000);
  const name = keeper.holder!;
  const operation = await claimed(name);
  const lease: Lease = { ...operation, isLost: true, lose: () => undefined, hear: () => undefined };
  keeper.keep(name, lease);
  await sql`update operations set fence = fence + 1, lease_holder = null, overtaken = array[${name}::text]
    where id = ${operation.id}`.execute(registry.db);
  keeper.drop(lease);
  keeper.renewSoon();
  await waitUntil("the old name is free", () => isFree(name));
  await keeper.close();
});

test("a keeper whose connection is cut gives up its leases at once and comes back under another name", async () => {
  const keeper = await openKeeper(60_000);
  const name = keeper.holder!;
  let isLost = false;
  const lease: Lease = {
    ...(await claimed(name)),
    isLost,
    lose: () => {
      isLost = true;
    },
    hear: () => undefined,
  };
  keeper.keep(name, lease);
  await sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test keeper'`.execute(
    registry.db,
  );
  await waitUntil("the lease is given up", () => isLost);
  expect(keeper.hasLeft(name)).toBe(false);
  keeper.drop(lease);
  expect(keeper.hasLeft(name)).toBe(true);
  await waitUntil("it is back", () => keeper.holder !== undefined && keeper.holder !== name);
  await keeper.close();
});

test("a registry that is away is told once, however often it is tried", async () => {
  const way = await severableTo(registry.url);
  const told: string[] = [];
  const log = { ...silentLog, warn: (_fields: object, name: string) => void told.push(name) } as Log;
  const options = { url: way.url, applicationName: "test keeper", leaseMs: 60_000, log };
  const keeper = new LeaseKeeper(options, () => undefined);
  await keeper.start();
  const name = keeper.holder;
  await way.sever();
  let attempts = 0;
  const closed = createServer((socket) => {
    attempts += 1;
    socket.destroy();
  });
  await once(closed.listen(Number(new URL(way.url).port), "127.0.0.1"), "listening");
  await waitUntil("it has tried again and again", () => attempts >= 3);
  await new Promise((resolve) => closed.close(resolve));
  expect(told.filter((one) => one === "worker.registry_unreachable")).toHaveLength(1);
  await way.restore();
  await waitUntil("it is back", () => keeper.holder !== undefined && keeper.holder !== name);
  await keeper.close();
  await way.close();
});

async function isFree(holder: string): Promise<boolean> {
  const { rows } = await sql<{ free: boolean }>`
    select pg_try_advisory_xact_lock(hashtextextended(${holder}, 7236002)) as free
  `.execute(registry.db);
  return rows[0]!.free;
}
