import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { requireProgram } from "../../test/support/programs.ts";
import type { Contender } from "./proxies.ts";

export type Load = { name: string; path: string };

export type Measured = {
  requestsPerSecond: number;
  requestsPerCpuSecond: number;
  p50Ms: number;
  p99Ms: number;
  errors: number;
};

/** One run of wrk against a proxy, a random host for every request. */
export async function load(
  proxy: Contender,
  { path: target }: Load,
  settings: { directory: string; hostCount: number; seconds: number; connections: number },
): Promise<Measured> {
  const script = path.join(settings.directory, "hosts.lua");
  await writeFile(script, luaScript(target, settings.hostCount));
  const before = await cpuSeconds(proxy.pids);
  const { stdout } = await promisify(execFile)(requireProgram("wrk"), [
    "-t1",
    `-c${settings.connections}`,
    `-d${settings.seconds}s`,
    "-s",
    script,
    `http://127.0.0.1:${proxy.port}`,
  ]);
  const used = (await cpuSeconds(proxy.pids)) - before;
  const result = JSON.parse(stdout.slice(stdout.lastIndexOf("RESULT ") + 7)) as WrkResult;
  return {
    requestsPerSecond: result.requests / (result.microseconds / 1e6),
    requestsPerCpuSecond: result.requests / used,
    p50Ms: result.p50 / 1000,
    p99Ms: result.p99 / 1000,
    errors: result.errors,
  };
}

type WrkResult = { requests: number; microseconds: number; p50: number; p99: number; errors: number };

function luaScript(target: string, hostCount: number): string {
  return `
    local requests = {}
    function init(args)
      math.randomseed(os.time())
      for host = 0, ${hostCount - 1} do
        requests[host] = wrk.format("GET", "${target}", { Host = "tenant-" .. host .. ".localhost", Accept = "*/*" })
      end
    end
    function request() return requests[math.random(0, ${hostCount - 1})] end
    function done(summary, latency, requests)
      local errors = summary.errors
      io.write(string.format('RESULT {"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"errors":%d}',
        summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
        errors.connect + errors.read + errors.write + errors.status + errors.timeout))
    end
  `;
}

/** Seconds of CPU that the processes have used so far (utime + stime, proc(5)). */
async function cpuSeconds(pids: readonly number[]): Promise<number> {
  const ticksPerSecond = 100;
  let ticks = 0;
  for (const pid of pids) {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / ticksPerSecond;
}
