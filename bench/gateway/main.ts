import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { testRoutes } from "../../packages/server/src/testing/routes.ts";
import { requireProgram } from "../../test/support/programs.ts";
import { type Load, load, type Measured } from "./load.ts";
import { type Contender, startGateway, startHttpProxy, startNginx, startUpstream } from "./proxies.ts";
import { type Row, report } from "./report.ts";

/**
 * Our gateway, nginx and http-proxy side by side: the same upstream, 10,000 hosts, rounds interleaved. What counts is
 * requests per second of the proxy's own CPU time, since the machine is shared with the load and the upstream.
 */
const { values: options } = parseArgs({
  args: process.argv.slice(3),
  options: {
    json: { type: "boolean", default: false },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "4" },
    hosts: { type: "string", default: "10000" },
    connections: { type: "string", default: "32" },
  },
});
const loads: Load[] = [
  { name: "200 B", path: "/200" },
  { name: "100 KiB", path: "/102400" },
];

// Before anything is started: without these there is nothing to compare with.
for (const program of ["nginx", "wrk"] as const) requireProgram(program);

const directory = await mkdtemp(path.join(tmpdir(), "tenantry-bench-gateway-"));
const registry = await testRoutes();
const running: { stop(): Promise<void> }[] = [{ stop: () => registry.close() }];
try {
  const hosts = Array.from({ length: Number(options.hosts) }, (_, at) => `tenant-${at}.localhost`);
  const upstream = await startUpstream();
  running.push(upstream);
  const upstreamId = await registry.upstream([upstream.url]);
  for (let at = 0; at < hosts.length; at += 1) await registry.routes([hosts[at]!], { upstreamId });
  const proxies: Contender[] = [];
  for (const start of [startGateway, startNginx, startHttpProxy]) {
    const proxy = await start({ directory, hosts, upstream, databaseUrl: registry.url });
    running.push(proxy);
    proxies.push(proxy);
  }
  report(await measure(proxies, hosts.length), options.json);
} finally {
  for (const one of running.reverse()) await one.stop();
  await rm(directory, { recursive: true, force: true });
}

async function measure(proxies: Contender[], hostCount: number): Promise<Row[]> {
  const settings = {
    directory,
    hostCount,
    seconds: Number(options.seconds),
    connections: Number(options.connections),
  };
  // Once without counting, so that caches are warm and code is compiled.
  for (const proxy of proxies) await load(proxy, loads[0]!, settings);
  const rows: Row[] = [];
  for (const one of loads) {
    const rounds = new Map<Contender, Measured[]>(proxies.map((proxy) => [proxy, []]));
    for (let round = 0; round < Number(options.rounds); round += 1) {
      for (const proxy of proxies) rounds.get(proxy)!.push(await load(proxy, one, settings));
    }
    for (const [proxy, measured] of rounds) rows.push({ proxy: proxy.name, load: one.name, measured });
  }
  return rows;
}
