import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { embeddedLikeServer, type TestServer } from "../../../server/src/testing/database-servers.ts";
import { type SealedDatabase, sealedDatabase } from "../../../server/src/testing/sealed-database.ts";
import { openDatabase } from "../database/index.ts";
import { createPools, type Pools } from "./index.ts";

const applicationName = "tenantry memory test";
let server: TestServer;
let sealed: SealedDatabase;
let pools: Pools;
let observer: pg.Client;

beforeAll(async () => {
  server = await embeddedLikeServer();
  sealed = await sealedDatabase(server);
  pools = createPools({ budgets: () => 4, applicationName });
  observer = new pg.Client({ connectionString: sealed.superuserUrl });
  await observer.connect();
});
afterAll(async () => {
  await pools?.close();
  await observer?.end();
  await server?.stop();
});

const idOf = (number: number): string => `0192aaaa-0000-7000-8000-${String(number).padStart(12, "0")}`;

/** Each asks something of its own, as applications do that write values into statements. */
async function visit(number: number): Promise<void> {
  const { databaseId, key, url } = sealed;
  const environmentId = idOf(number);
  const seal = { databaseId, environmentId, key: key.toString("base64"), pooled: false };
  const placement = { environmentId, serverId: "srv", url, generation: 1, seal };
  const database = openDatabase({ pools, placement });
  await database.query(`select title from notes where id = ${number}`);
}

async function visitAll(from: number, to: number): Promise<void> {
  const numbers = Array.from({ length: to - from }, (_, index) => from + index).values();
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (const number of numbers) await visit(number);
    }),
  );
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

function heapMegabytes(): number {
  for (let time = 0; time < 3; time += 1) collectGarbage();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

/** What all backends together have for themselves alone. */
async function backendMegabytes(): Promise<number> {
  const { rows } = await observer.query<{ pid: number }>(
    "select pid from pg_stat_activity where application_name = $1",
    [applicationName],
  );
  const kilobytes = rows.map(({ pid }) => {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)![1]);
  });
  return kilobytes.reduce((sum, each) => sum + each, 0) / 2 ** 10;
}

it("memory stays flat over 10,000 tenants, in the process and in its backends", async () => {
  const before = pools.stats()[0]?.leases ?? 0;
  // As many as are remembered at most, and each cache of statements is full.
  await visitAll(0, 5_500);
  const [heapBefore, backendsBefore] = [heapMegabytes(), await backendMegabytes()];
  await visitAll(5_500, 15_500);
  expect(heapMegabytes() - heapBefore).toBeLessThan(2);
  expect((await backendMegabytes()) - backendsBefore).toBeLessThan(4);
  const { open, leases } = pools.stats()[0]!;
  expect(open).toBeLessThanOrEqual(4);
  expect(leases - before).toBe(15_500);
}, 180_000);
