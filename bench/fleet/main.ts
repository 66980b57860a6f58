import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { OperationReply } from "@tenantry/contract";
import pg from "pg";
import { type BenchInstallation, startInstallation } from "../common/installation.ts";
import { machine, summarise } from "../common/statistics.ts";
import { openPeer } from "./peer.ts";
import { seedPlaced } from "./seed.ts";

/**
 * A second migration for tenants at the levels `database` and `schema`, and a sequential loop of node-pg-migrate over as
 * many databases, and schemas, of its own on the same server; beside them the same statements bare, one tenant after
 * another, as what any way costs. Then how long it takes to find that nothing is pending.
 */
const { values: options } = parseArgs({
  args: process.argv.slice(3),
  options: {
    json: { type: "boolean", default: false },
    tenants: { type: "string", default: "1000" },
    peers: { type: "string", default: "200" },
    idle: { type: "string", default: "5000" },
  },
});

const first = `create table notes (id int generated always as identity primary key, title text not null,
  created_at timestamptz not null default now());
create index notes_created on notes (created_at);
insert into notes (title) values ('first'), ('second');`;
const second = `alter table notes add column stars int not null default 0;
create index notes_stars on notes (stars);
update notes set stars = length(title);`;

type Call = <Body>(method: string, path: string, body?: object) => Promise<Body>;

function apiOf({ apiUrl, apiKey }: BenchInstallation): Call {
  return async <Body>(method: string, path: string, body?: object) => {
    const response = await fetch(apiUrl + path, {
      method,
      headers: {
        authorization: `Bearer ${apiKey}`,
        prefer: "wait=60",
        ...(body ? { "content-type": "application/json" } : {}),
      },
      body: body ? JSON.stringify(body) : null,
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Body;
  };
}

async function ended(call: Call, id: string): Promise<OperationReply> {
  for (;;) {
    const operation = await call<OperationReply>("GET", `/v1/operations/${id}`);
    if (operation.endedAt === null) {
      await delay(50);
      continue;
    }
    if (operation.status !== "succeeded") throw new Error(JSON.stringify(operation.error));
    return operation;
  }
}

const release = (...texts: string[]) => ({
  upstreamUrl: "http://127.0.0.1:9",
  migrations: texts.map((sql, index) => ({ name: `000${index + 1}.sql`, sql })),
});

/** An app of one file with its tenants at a level. */
async function makeTenants(call: Call, app: string, level: string, count: number): Promise<void> {
  const made = await call<{ operationId: string }>("POST", "/v1/apps", { slug: app, ...release(first) });
  await ended(call, made.operationId);
  let number = 0;
  const lane = async () => {
    while (number < count) {
      number += 1;
      const slug = `${app}-${number}`;
      await call("POST", "/v1/tenants", { slug, name: slug, app, isolation: { database: level } });
    }
  };
  await Promise.all(Array.from({ length: 4 }, lane));
}

/** Milliseconds that the release's step took in which tenants are migrated. */
async function migrateTenants(call: Call, app: string): Promise<number> {
  const started = await call<OperationReply>("POST", `/v1/apps/${app}/releases`, release(first, second));
  const { steps } = await ended(call, started.id);
  return steps.find(({ name }) => name === "migrate-tenants")!.tookMs!;
}

async function nothingPending(installation: BenchInstallation, call: Call, count: number) {
  const made = await call<{ operationId: string }>("POST", "/v1/apps", { slug: "idle", ...release(first) });
  await ended(call, made.operationId);
  const url = Object.assign(new URL(installation.databaseUrl), { pathname: "/tenantry" }).href;
  const registry = new pg.Client({ connectionString: url });
  await registry.connect();
  await seedPlaced(registry, "idle", count);
  await registry.end();
  const tookMs: number[] = [];
  for (let round = 0; round < 10; round += 1) {
    const startedAt = performance.now();
    const { status } = await call<OperationReply>("POST", "/v1/apps/idle/migrations", {});
    if (status !== "succeeded") throw new Error(`Looking for pending work: ${status}`);
    tookMs.push(performance.now() - startedAt);
  }
  return summarise(tookMs);
}

const installation = await startInstallation();
const call = apiOf(installation);
const peer = await openPeer(installation.databaseUrl, [first, second]);
try {
  const results = [];
  const [tenants, peers, floors] = [Number(options.tenants), Number(options.peers), 50];
  for (const level of ["database", "schema"] as const) {
    const app = `fleet-${level}`;
    await makeTenants(call, app, level, tenants);
    const prepared = await peer.prepare(level, peers + floors);
    const [targets, others] = [prepared.slice(0, peers), prepared.slice(peers)];
    // Half of the loop before, half after, since the machine's other work comes and goes.
    const half = Math.floor(peers / 2);
    const before = await peer.run(targets.slice(0, half));
    const ours = (tenants * 1_000) / (await migrateTenants(call, app));
    const loop = (peers * 1_000) / (before + (await peer.run(targets.slice(half))));
    const bare = (floors * 1_000) / (await peer.bare(level, others));
    results.push({ level, tenants, ours, loop, bare, ratio: ours / loop });
  }
  const idle = await nothingPending(installation, call, Number(options.idle));
  report(results, idle);
} finally {
  await peer.close();
  await installation.stop();
}

type Result = { level: string; tenants: number; ours: number; loop: number; bare: number; ratio: number };

function report(results: readonly Result[], idle: ReturnType<typeof summarise>): void {
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ machine: machine(), results, idle }, null, 2)}\n`);
    return;
  }
  const rows = results.map(
    ({ level, tenants, ours, loop, bare, ratio }) =>
      `${level.padEnd(8)}  ${String(tenants).padStart(7)}  ${ours.toFixed(1).padStart(9)}  ${loop.toFixed(1).padStart(9)}  ${ratio.toFixed(2).padStart(5)}  ${bare.toFixed(1).padStart(9)}`,
  );
  process.stdout.write(
    `${machine()}\n\nlevel     tenants  tenants/s     loop/s  ratio     bare/s\n${rows.join("\n")}\n\n` +
      `Nothing pending over ${options.idle} tenants: p50 ${idle.p50} ms, max ${idle.max} ms\n`,
  );
}
