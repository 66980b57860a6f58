import { loadavg } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import pg from "pg";
import { type BenchInstallation, startInstallation, untilReady } from "../common/installation.ts";
import { machine, summarise } from "../common/statistics.ts";
import { dropScripted, provisionByScript } from "./peer.ts";
import { placedMs } from "./placed.ts";

/**
 * From the API call to the first 200 on the tenant's own host: one after another and four at once, with 1 and with
 * 1,000 tenants there already. In between, a script makes databases on the same server. With `--level dedicated` each
 * one waits until a server stands ready for it: how fast those are made is another question. How the client learns that
 * the host answers: by asking it every 10 ms, which is part of the work of the machine, or with `--by wait` by the API's
 * own answer (`Prefer: wait`), as the CLI does with `--wait`. The last columns are the database's part alone: the step that
 * claims a spare, or at the levels without spares makes what there is to make.
 */
const { values: options } = parseArgs({
  args: process.argv.slice(3),
  options: {
    json: { type: "boolean", default: false },
    tenants: { type: "string", default: "100" },
    existing: { type: "string", default: "1000" },
    level: { type: "string", default: "database" },
    by: { type: "string", default: "poll" },
    /** How many are under way at once, a row each. */
    "at-once": { type: "string", default: "1,4" },
  },
});
const perRound = Number(options.tenants);
const waits = options.by === "wait";
let number = 0;

async function provision(installation: BenchInstallation): Promise<number> {
  if (options.level === "dedicated") await untilSpare(installation);
  number += 1;
  const slug = `bench-${number}`;
  const startedAt = performance.now();
  const response = await fetch(`${installation.apiUrl}/v1/tenants`, {
    method: "POST",
    headers: {
      ...{ authorization: `Bearer ${installation.apiKey}`, "content-type": "application/json" },
      ...(waits && { prefer: "wait=30" }),
    },
    body: JSON.stringify({ slug, name: `Tenant ${number}`, isolation: { database: options.level } }),
  });
  if (response.status !== (waits ? 201 : 202))
    throw new Error(`${response.status}: ${await response.text()}`);
  await response.arrayBuffer();
  await untilReady(installation.gatewayPort, `${slug}.localhost`);
  return performance.now() - startedAt;
}

/** The first one gets its server on the spot: before it, nobody knows that any will be wanted. */
async function untilSpare({ databaseUrl }: BenchInstallation): Promise<void> {
  if (number === 0) return;
  const url = new URL(databaseUrl);
  url.pathname = "/tenantry";
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  const ready = "select from tenantry.databases where level = 'dedicated' and state = 'spare'";
  while ((await client.query(ready)).rowCount === 0) await delay(20);
  await client.end();
}

/** `count` tenants, `atOnce` of them under way at any moment. */
async function provisionMany(
  installation: BenchInstallation,
  count: number,
  atOnce: number,
): Promise<number[]> {
  const tookMs: number[] = [];
  let left = count;
  const lane = async () => {
    while (left > 0) {
      left -= 1;
      tookMs.push(await provision(installation));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return tookMs;
}

/** Ours in ten slices, the script once between them. */
async function round(installation: BenchInstallation, atOnce: number) {
  const ours: number[] = [];
  const script: number[] = [];
  const { operations } = await placedMs(installation);
  for (let slice = 0; slice < 10; slice += 1) {
    ours.push(...(await provisionMany(installation, perRound / 10, atOnce)));
    const name = `peer_${number}_${slice}`;
    script.push(await provisionByScript(installation.databaseUrl, name));
    await dropScripted(installation.databaseUrl, name);
  }
  const { fromSpare, otherwise } = await placedMs(installation, operations);
  const database = summarise(fromSpare.length > otherwise.length ? fromSpare : otherwise);
  return {
    ...{ ours: summarise(ours), script: summarise(script), load: loadavg()[0]! },
    ...{ database, fromSpare: fromSpare.length, otherwise: otherwise.length },
  };
}

const installation = await startInstallation();
try {
  const first = await provision(installation);
  const results = [];
  for (const existing of [1, Number(options.existing)]) {
    if (number < existing) await provisionMany(installation, existing - number, 8);
    for (const atOnce of options["at-once"].split(",").map(Number))
      results.push({ existing: number, atOnce, ...(await round(installation, atOnce)) });
  }
  report(first, results);
} finally {
  await installation.stop();
}

type Row = { existing: number; atOnce: number; ours: Summary; script: Summary; load: number } & {
  /** The larger part of them. */
  database: Summary;
  fromSpare: number;
  otherwise: number;
};

function report(firstMs: number, results: Row[]): void {
  const ratio = results[results.length / 2]!.ours.p50 / results[0]!.ours.p50;
  const { level } = options;
  if (options.json) {
    const all = { machine: machine(), level, by: options.by, firstMs, results, ratioAtMany: ratio };
    process.stdout.write(`${JSON.stringify(all, null, 2)}\n`);
    return;
  }
  const lines = results.map(
    ({ existing, atOnce, ours, script, load, database, fromSpare }) =>
      `${String(existing).padStart(9)}  ${String(atOnce).padStart(7)}  ${cells(ours)}    ${cells(script)}    ${load.toFixed(0).padStart(4)}` +
      `    ${[database.p50, database.p95].map((value) => value.toFixed(1).padStart(6)).join("  ")}  ${String(fromSpare).padStart(6)}`,
  );
  const head =
    "   before  at once      p50     p95     max    script p50   p95     max   (ms)  load  database p50   p95  spares";
  process.stdout.write(
    `${machine()}\nLevel ${level}; the very first tenant took ${firstMs.toFixed(0)} ms\n\n${head}\n${lines.join("\n")}\n\nWith many tenants / with one: ${ratio.toFixed(2)}\n`,
  );
}

type Summary = ReturnType<typeof summarise>;

function cells({ p50, p95, max }: Summary): string {
  return [p50, p95, max].map((value) => value.toFixed(0).padStart(6)).join("  ");
}
