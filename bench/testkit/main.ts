import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { stopTestKit } from "@tenantry/testing";
import { testPostgres } from "../../packages/server/src/testing/postgres.ts";
import { machine, quantile } from "../common/statistics.ts";
import { connect, readSchema } from "./ways.ts";

/**
 * Isolated tests in several workers: a tenant of the test kit for each, at three levels; a database copied from a template
 * for each; one database a worker, emptied after each. The peers' PostgreSQL is as careless about the disk as the kit's.
 */
const { values: options } = parseArgs({
  args: process.argv.slice(3),
  options: {
    json: { type: "boolean", default: false },
    tests: { type: "string", default: "500" },
    workers: { type: "string", default: "4" },
    rounds: { type: "string", default: "2" },
  },
});
const [tests, workers] = [Number(options.tests), Number(options.workers)];
const perWorker = Math.ceil(tests / workers);
const ways = ["shared", "schema", "database", "template", "truncate"] as const;
type Way = (typeof ways)[number];
type Round = { seconds: number; untilRemoved: number; waited: number[] };

const directory = await mkdtemp(path.join(tmpdir(), "tenantry-bench-testkit-"));
const postgres = await testPostgres({ settings: { max_connections: "200", shared_buffers: "128MB" } });

function startWorker(way: Way): ChildProcess {
  const isPeer = way === "template" || way === "truncate";
  const args = [way, String(perWorker), isPeer ? postgres.url : directory, "invoices"];
  return fork(fileURLToPath(new URL("worker.ts", import.meta.url)), args);
}

/** From the moment at which all workers have begun until the last test is over, and until nothing is left of them. */
async function play(way: Way): Promise<Round> {
  const all = Array.from({ length: workers }, () => startWorker(way));
  await Promise.all(all.map((worker) => once(worker, "message")));
  const startedAt = performance.now();
  const answers = all.map((worker) => once(worker, "message"));
  const exits = all.map((worker) => once(worker, "exit"));
  for (const worker of all) worker.send("go");
  const waited = (await Promise.all(answers)).flatMap(([times]) => times as number[]);
  const seconds = (performance.now() - startedAt) / 1000;
  await Promise.all(exits);
  if (way !== "template" && way !== "truncate") await nothingLeft();
  return { seconds, untilRemoved: (performance.now() - startedAt) / 1000, waited };
}

async function nothingLeft(): Promise<void> {
  const { url, key } = JSON.parse(await readFile(path.join(directory, "host.json"), "utf8"));
  const headers = { authorization: `Bearer ${key}` };
  for (;;) {
    const { toRemove } = (await (await fetch(`${url}/kit/status`, { headers })).json()) as {
      toRemove: number;
    };
    if (toRemove === 0) return;
    await pause(20);
  }
}

const rounds = new Map<Way, Round[]>(ways.map((way) => [way, []]));
try {
  const admin = await connect(postgres.url);
  await admin.query("create database invoices");
  const template = await connect(postgres.url, "invoices");
  await template.query(await readSchema());
  await template.end();
  await admin.end();
  const load = [Math.round(loadavg()[0]!)];
  for (let round = 0; round < Number(options.rounds); round += 1) {
    for (const way of ways) rounds.get(way)!.push(await play(way));
  }
  load.push(Math.round(loadavg()[0]!));
  report(load);
} finally {
  await stopTestKit({ directory });
  await postgres.stop();
  await rm(directory, { recursive: true, force: true });
}

function report(load: number[]): void {
  const median = (values: number[]) => quantile(values, 0.5);
  const copying = rounds.get("template")!;
  const rows = ways.map((way) => {
    const played = rounds.get(way)!;
    const waited = played.flatMap((round) => round.waited);
    const ratio = median(played.map(({ seconds }, index) => seconds / copying[index]!.seconds));
    return {
      way,
      seconds: median(played.map(({ seconds }) => seconds)).toFixed(1),
      untilRemoved: median(played.map(({ untilRemoved }) => untilRemoved)).toFixed(1),
      waitedP50Ms: Math.round(quantile(waited, 0.5)),
      waitedP95Ms: Math.round(quantile(waited, 0.95)),
      toTemplate: ratio.toFixed(2),
    };
  });
  const about = { machine: machine(), load, tests: perWorker * workers, workers, rounds: options.rounds };
  if (options.json) process.stdout.write(`${JSON.stringify({ ...about, rows }, null, 2)}\n`);
  else {
    process.stdout.write(`${JSON.stringify(about)}\n`);
    for (const row of rows) process.stdout.write(`${Object.values(row).join("\t")}\n`);
  }
}
