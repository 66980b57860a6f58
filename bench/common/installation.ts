import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

export type BenchInstallation = {
  pid: number;
  startedInMs: number;
  apiUrl: string;
  gatewayPort: number;
  apiKey: string;
  databaseUrl: string;
  dataDir: string;
  stop(): Promise<void>;
};

const up = fileURLToPath(new URL("../../packages/server/src/entry/up.ts", import.meta.url));

/** A real `tenantry up` in a process of its own. Given a data directory, it starts there and leaves it behind. */
export async function startInstallation(given?: string): Promise<BenchInstallation> {
  const dataDir = given ?? (await mkdtemp(path.join(tmpdir(), "tenantry-bench-")));
  const startedAt = performance.now();
  const child = spawn(
    process.execPath,
    [up, "--data-dir", dataDir, "--api-port", "0", "--gateway-port", "0"],
    {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, MAX_TENANTS: "1000000", TENANTRY_LOG_LEVEL: "warn" },
    },
  );
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  await new Promise<void>((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
      if (text.includes("Tenantry is running")) resolve();
    });
    child.once("exit", (code) => reject(new Error(`up ended with ${code}`)));
  });
  const startedInMs = performance.now() - startedAt;
  const operator = JSON.parse(await readFile(path.join(dataDir, "operator.json"), "utf8")) as Record<
    string,
    string
  >;
  return {
    pid: child.pid!,
    startedInMs,
    apiUrl: operator.url!,
    gatewayPort: Number(new URL(operator.gatewayUrl!).port),
    apiKey: operator.apiKey!,
    databaseUrl: operator.databaseUrl!,
    dataDir,
    async stop() {
      child.kill("SIGTERM");
      await exited;
      if (!given) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** The status of a tenant's host; Node doesn't resolve `*.localhost`, so the address is dialled by hand. */
export function statusOf(port: number, host: string, urlPath = "/", agent?: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const to = { host: "127.0.0.1", port, path: urlPath, headers: { host }, ...(agent && { agent }) };
    const asked = request(to, (response) => {
      response.resume();
      response.once("end", () => resolve(response.statusCode!));
    });
    asked.once("error", reject);
    asked.end();
  });
}

/** Asks every 10 ms, over one connection as a browser would. */
export async function untilReady(port: number, host: string): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  while ((await statusOf(port, host, "/", agent)) !== 200) await delay(10);
  agent.destroy();
}
