import { parseArgs } from "node:util";
import { type BenchInstallation, startInstallation, untilReady } from "../common/installation.ts";
import { machine, summarise } from "../common/statistics.ts";
import { dropScripted, provisionByScript } from "./peer.ts";

/**
 * From the API call to the first 200 on the tenant's own host: one after another and four at once, with 1 and with
 * 1,000 tenants there already. In between, a script makes databases on the same server.
 */
const { values: options } = parseArgs({
  args: process.argv.slice(3),
  options: {
    json: { type: "boolean", default: false },
    tenants: { type: "string", default: "100" },
    existing: { type: "string", default: "1000" },
  },
});
const perRound = Number(options.tenants);
let number = 0;

async function provision(installation: BenchInstallation): Promise<number> {
  number += 1;
  const slug = `bench-${number}`;
  const startedAt = performance.now();
  const response = await fetch(`${installation.apiUrl}/v1/tenants`, {
    method: "POST",
    headers: { authorization: `Bearer ${installation.apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({ slug, name: `Tenant ${number}` }),
  });
  if (response.status !== 202) throw new Error(`${response.status}: ${await response.text()}`);
  await response.arrayBuffer();
  await untilReady(installation.gatewayPort, `${slug}.localhost`);
  return performance.now() - startedAt;
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
  for (let slice = 0; slice < 10; slice += 1) {
    ours.push(...(await provisionMany(installation, perRound / 10, atOnce)));
    const name = `peer_${number}_${slice}`;
    script.push(await provisionByScript(installation.databaseUrl, name));
    await dropScripted(installation.databaseUrl, name);
  }
  return { ours: summarise(ours), script: summarise(script) };
}

const installation = await startInstallation();
try {
  await provision(installation);
  const results = [];
  for (const existing of [1, Number(options.existing)]) {
    if (number < existing) await provisionMany(installation, existing - number, 8);
    for (const atOnce of [1, 4])
      results.push({ existing: number, atOnce, ...(await round(installation, atOnce)) });
  }
  report(results);
} finally {
  await installation.stop();
}

function report(results: { existing: number; atOnce: number; ours: Summary; script: Summary }[]): void {
  const first = results[0]!.ours.p50;
  const ratio = results[2]!.ours.p50 / first;
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ machine: machine(), results, ratioAtMany: ratio }, null, 2)}\n`);
    return;
  }
  const lines = results.map(
    ({ existing, atOnce, ours, script }) =>
      `${String(existing).padStart(9)}  ${String(atOnce).padStart(7)}  ${cells(ours)}    ${cells(script)}`,
  );
  const head = "   before  at once      p50     p95     max    script p50   p95     max   (ms)";
  process.stdout.write(
    `${machine()}\n\n${head}\n${lines.join("\n")}\n\nWith many tenants / with one: ${ratio.toFixed(2)}\n`,
  );
}

type Summary = ReturnType<typeof summarise>;

function cells({ p50, p95, max }: Summary): string {
  return [p50, p95, max].map((value) => value.toFixed(0).padStart(6)).join("  ");
}
