import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { embeddedLikeServer } from "../../packages/server/src/testing/database-servers.ts";
import { sealedDatabase } from "../../packages/server/src/testing/sealed-database.ts";
import { machine, quantile } from "../common/statistics.ts";
import { openContenders } from "./contenders.ts";
import { makePeers } from "./peers.ts";
import { measure } from "./rounds.ts";
import { serverCpu } from "./server-cpu.ts";

/**
 * A row by its key at every level, against bare pg that names the tenant in WHERE, and against the usual recipe: a policy
 * on a plain setting, in a transaction. All take turns of a few statements, so that whatever else the machine does meets
 * everybody; what counts is the ratio within a round.
 */
const { values: options } = parseArgs({
  args: process.argv.slice(3),
  options: {
    json: { type: "boolean", default: false },
    rounds: { type: "string", default: "150" },
    statements: { type: "string", default: "40" },
    /** Adds so many milliseconds to each way to the server and back. */
    link: { type: "string", default: "0" },
    /** Installs Prisma from npm the first time. */
    prisma: { type: "boolean", default: false },
  },
});

async function slowLink(port: string, delayMs: number): Promise<{ port: string; child: ChildProcess }> {
  const script = fileURLToPath(new URL("./delay-proxy.ts", import.meta.url));
  const child = spawn(process.execPath, [script, port, String(delayMs / 2)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(child.stdout!, "data")) as [Buffer];
  return { port: line.toString().trim(), child };
}

const tenants = [randomUUID(), randomUUID()];
const server = await embeddedLikeServer();
const sealed = [
  await sealedDatabase(server, { strategy: "parameter" }),
  await sealedDatabase(server, { strategy: "statement" }),
];
const peerUrl = await makePeers(sealed[0]!.superuserUrl, tenants);
const { port } = new URL(peerUrl);
const link = Number(options.link) > 0 ? await slowLink(port, Number(options.link)) : undefined;
const via = (url: string): string => (link ? url.replace(`:${port}/`, `:${link.port}/`) : url);
const { list, close } = await openContenders({ peerUrl, sealed, tenants, via }, options.prisma);
const taken = await measure(list, {
  rounds: Number(options.rounds),
  statements: Number(options.statements),
  serverCpu: await serverCpu(server.superuserUrl),
});
await close();
link?.child.kill();
await server.stop();
const results = [...taken].map(([name, { latencies, ratios, cpuUs, serverCpuUs }]) => ({
  name,
  p10Us: Math.round(quantile(latencies, 0.1)),
  p50Us: Math.round(quantile(latencies, 0.5)),
  p95Us: Math.round(quantile(latencies, 0.95)),
  clientCpuUs: Math.round(quantile(cpuUs, 0.5)),
  serverCpuUs: Math.round(quantile(serverCpuUs, 0.5)),
  toBare: Number(quantile(ratios, 0.5).toFixed(2)),
}));
process.stdout.write(
  `${JSON.stringify({ machine: machine(), linkMs: Number(options.link), results }, null, options.json ? 0 : 2)}\n`,
);
