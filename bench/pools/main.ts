import { parseArgs } from "node:util";
import { testPostgres } from "../../packages/server/src/testing/postgres.ts";
import { sealedDatabase } from "../../packages/server/src/testing/sealed-database.ts";
import { machine, summarise } from "../common/statistics.ts";
import { dataPath, isTurnedAway, onePool, type PoolContender, poolForEach } from "./contenders.ts";
import { type BenchTenant, type Counts, makeTenants } from "./tenants.ts";

/**
 * Many tenants under few backends: callers that ask for a row of a tenant each, a few tenants often and most seldom
 * (Zipf), through the data path's pools and through what applications write by themselves.
 */
const { values: options } = parseArgs({
  args: process.argv.slice(3),
  options: {
    json: { type: "boolean", default: false },
    backends: { type: "string", default: "50" },
    callers: { type: "string", default: "64" },
    askings: { type: "string", default: "4000" },
    rounds: { type: "string", default: "3" },
    shared: { type: "string", default: "1600" },
    schema: { type: "string", default: "300" },
    database: { type: "string", default: "100" },
  },
});
const [backends, callers, askings, rounds] = [
  options.backends,
  options.callers,
  options.askings,
  options.rounds,
].map(Number) as [number, number, number, number];

/** Which tenant is asked for, the first most often: the inverse of the sums of 1/rank. The same for everybody. */
function createZipf(count: number): () => number {
  const sums: number[] = [];
  for (let rank = 1; rank <= count; rank += 1) sums.push((sums.at(-1) ?? 0) + 1 / rank);
  let seed = 20_261_121;
  return () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    const wanted = (seed / 2 ** 31) * sums.at(-1)!;
    return sums.findIndex((sum) => sum >= wanted);
  };
}

/** So that each level has often and seldom asked ones. */
function shuffled(tenants: readonly BenchTenant[]): BenchTenant[] {
  return tenants
    .map((tenant, index) => ({ tenant, at: (index * 7_919) % tenants.length }))
    .sort((left, right) => left.at - right.at)
    .map(({ tenant }) => tenant);
}

async function ask(contender: PoolContender, order: readonly BenchTenant[]) {
  const todo = order.values();
  const latencies: number[] = [];
  let errors = 0;
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: callers }, async () => {
      for (const tenant of todo) {
        const askedAt = performance.now();
        try {
          await contender.ask(tenant);
          latencies.push(performance.now() - askedAt);
        } catch (error) {
          if (!isTurnedAway(error)) throw error;
          errors += 1;
        }
      }
    }),
  );
  return { latencies, errors, tookMs: performance.now() - startedAt };
}

type Taken = { latencies: number[]; errors: number; tookMs: number };

async function compare(made: readonly (() => PoolContender)[], tenants: readonly BenchTenant[]) {
  const next = createZipf(tenants.length);
  const contenders = made.map((make) => make());
  const taken = new Map(
    contenders.map(({ name }) => [name, { latencies: [], errors: 0, tookMs: 0 } as Taken]),
  );
  for (let round = 0; round < rounds; round += 1) {
    const order = Array.from({ length: askings }, () => tenants[next()]!);
    for (const contender of contenders) {
      const of = taken.get(contender.name)!;
      const { latencies, errors, tookMs } = await ask(contender, order);
      of.latencies.push(...latencies);
      of.errors += errors;
      of.tookMs += tookMs;
    }
  }
  const results = contenders.map(({ name, hitRate }) => {
    const { latencies, errors, tookMs } = taken.get(name)!;
    const perSecond = Math.round((latencies.length / tookMs) * 1_000);
    const share = hitRate();
    return { name, ...summarise(latencies), perSecond, errors, hitRate: share && Number(share.toFixed(2)) };
  });
  await Promise.all(contenders.map((contender) => contender.close()));
  return results;
}

const server = await testPostgres({ settings: { max_connections: "250" } });
const sealed = await sealedDatabase({ ...server, superuserUrl: server.url }, { connectionLimit: 200 });
const counts: Counts = {
  shared: Number(options.shared),
  schema: Number(options.schema),
  database: Number(options.database),
};
const tenants = await makeTenants(sealed, counts);
const mixed = await compare([() => dataPath(backends), () => poolForEach(backends)], shuffled(tenants));
const sharing = tenants.filter(({ level }) => level === "shared");
const shared = await compare(
  [() => dataPath(backends), () => onePool(backends, sharing[0]!.peerUrl)],
  sharing,
);
await server.stop();
const report = { machine: machine(), counts, backends, callers, mixed, shared };
process.stdout.write(`${JSON.stringify(report, null, options.json ? 0 : 2)}\n`);
