import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import pg from "pg";
import { type BenchInstallation, startInstallation, statusOf } from "../common/installation.ts";
import { machine, summarise } from "../common/statistics.ts";
import { seedTenants } from "./seed.ts";

/** Memory of API and gateway with many tenants in the registry, how long a look-up takes, and a start. */
const { values: options } = parseArgs({
  args: process.argv.slice(3),
  options: { json: { type: "boolean", default: false }, tenants: { type: "string", default: "100000" } },
});
const count = Number(options.tenants);

async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024);
}

async function lookUps(installation: BenchInstallation) {
  const gateway: number[] = [];
  const api: number[] = [];
  const headers = { authorization: `Bearer ${installation.apiKey}` };
  for (let round = 0; round < 500; round += 1) {
    const slug = `seed-${1 + Math.floor(Math.random() * count)}`;
    let startedAt = performance.now();
    const status = await statusOf(installation.gatewayPort, `${slug}.localhost`, "/_tenantry/health");
    gateway.push(performance.now() - startedAt);
    startedAt = performance.now();
    const response = await fetch(`${installation.apiUrl}/v1/tenants/${slug}`, { headers });
    await response.arrayBuffer();
    api.push(performance.now() - startedAt);
    if (status !== 200 || response.status !== 200) throw new Error(`${slug}: ${status}, ${response.status}`);
  }
  return { gateway: summarise(gateway), api: summarise(api) };
}

const dataDir = await mkdtemp(path.join(tmpdir(), "tenantry-bench-"));
let running: BenchInstallation | undefined;
try {
  const first = await startInstallation(dataDir);
  running = first;
  const empty = { residentMiB: await residentMiB(first.pid), startedInMs: Math.round(first.startedInMs) };
  const url = new URL(first.databaseUrl);
  url.pathname = "/tenantry";
  const registry = new pg.Client({ connectionString: url.href });
  await registry.connect();
  await seedTenants(registry, count);
  await registry.end();
  await first.stop();
  const again = await startInstallation(dataDir);
  running = again;
  const full = { residentMiB: await residentMiB(again.pid), startedInMs: Math.round(again.startedInMs) };
  const lookUp = await lookUps(again);
  report({ machine: machine(), tenants: count, empty, full, lookUp });
} finally {
  await running?.stop();
  await rm(dataDir, { recursive: true, force: true });
}

function report(result: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(result, null, options.json ? 0 : 2)}\n`);
}
