import path from "node:path";
import type { Operations } from "../features/operations/index.ts";
import { runApps } from "../features/releases/index.ts";
import { createGateway } from "../gateway/index.ts";
import type { Config } from "../infra/config/index.ts";
import { lockDataDir } from "../infra/data-dir-lock/index.ts";
import { createDb, createNotifications, supportedSchema } from "../infra/db/index.ts";
import type { Log } from "../infra/log/index.ts";
import { joinNodes } from "../infra/nodes/index.ts";
import { createSecrets, loadMasterKey } from "../infra/secrets/index.ts";
import { loadSigner } from "../infra/signing/index.ts";
import { showId } from "../kernel/index.ts";
import { issuerOf } from "./addresses.ts";
import { ensureSites } from "./built-in-app.ts";
import { compose } from "./compose.ts";
import { openInstallation } from "./installation.ts";
import { type OperatorFile, writeOperatorFile } from "./operator-file.ts";
import { requireFreePorts } from "./ports.ts";
import { openRegistry } from "./registry.ts";
import { version } from "./version.ts";

export type AllInOne = {
  operator: OperatorFile & { file: string };
  gatewayUrl: string;
  /** What the registry stands on, for people. */
  postgres: string;
  tookMs: number;
  dataDir: string;
  rootDomain: string;
  /** Ends everything in order: no more requests, no more work, applications, database. Repeatable. */
  stop(): Promise<void>;
};

/**
 * Starts the whole installation in this process. Safe to call after `kill -9` at any moment: everything is found as it
 * was. Rejects, with everything it started ended again, when a port is taken or the data directory is in use.
 */
export async function startAllInOne(config: Config, log: Log): Promise<AllInOne> {
  const startedAt = performance.now();
  const stack = new AsyncDisposableStack();
  try {
    const started = await start(config, log, stack);
    return { ...started, tookMs: performance.now() - startedAt, stop: () => stack.disposeAsync() };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

async function start(config: Config, log: Log, stack: AsyncDisposableStack) {
  const { dataDir, rootDomain, drainTimeoutMs } = config;
  const lock = await lockDataDir(dataDir);
  stack.defer(() => lock.release());
  await requireFreePorts(config);
  const base = await openBase(config, log, stack);
  const gatewayPort = await startGateway(config, log, base, stack);
  const parts = await compose({ config, log, gatewayPort, ...base });
  await parts.registerServer(base.registry.server);
  const apiPort = new URL(await parts.api.listen({ host: config.api.host, port: config.api.port })).port;
  stack.defer(() => parts.api.close());
  await parts.worker.start();
  stack.defer(() => parts.worker.close());
  stack.defer(() => parts.worker.drain({ timeoutMs: drainTimeoutMs }));
  parts.background.start();
  stack.defer(() => parts.background.stop());
  const apps = runApps({
    ...base,
    log: log.child({ part: "apps" }),
    nodeId: base.node.id,
    apiUrl: `http://127.0.0.1:${apiPort}`,
    reaches: [parts.storageRoot],
  });
  stack.defer(() => apps.stop());
  const releasing = await ensureSites(parts);
  if (releasing) await waitForRelease(parts.operations, releasing);

  const operator = await writeOperatorFile(base.db, dataDir, {
    url: `http://localhost:${apiPort}`,
    gatewayUrl: `http://localhost:${gatewayPort}`,
    databaseUrl: base.registry.server.url,
  });
  const { gatewayUrl } = operator;
  return { operator, gatewayUrl, postgres: base.registry.description, dataDir, rootDomain };
}

/** What everything else stands on. */
async function openBase(config: Config, log: Log, stack: AsyncDisposableStack) {
  const { dataDir, masterKeyFile } = config;
  const secrets = createSecrets(await loadMasterKey({ dataDir, masterKeyFile, create: true }));
  const registry = await openRegistry(config, log);
  stack.defer(() => registry.stop());
  const { url } = registry;
  const db = createDb({ url, applicationName: "tenantry" });
  stack.defer(() => db.destroy());
  const notifications = createNotifications({ url, applicationName: "tenantry notifications", log });
  stack.defer(() => notifications.close());
  const installation = await openInstallation(db, config.rootDomain);
  const node = await joinNodes({ db, log, role: "all-in-one", version, schemaVersion: supportedSchema.to });
  stack.defer(() => node.leave());
  return { secrets, registry, url, db, notifications, installation, node };
}

type Base = Awaited<ReturnType<typeof openBase>>;

async function startGateway(
  config: Config,
  log: Log,
  base: Base,
  stack: AsyncDisposableStack,
): Promise<number> {
  const { db, notifications, secrets, installation } = base;
  const { host, port } = config.gateway;
  const gateway = createGateway({
    db,
    notifications,
    log: log.child({ part: "gateway" }),
    snapshotFile: path.join(config.dataDir, "gateway", "routes.json"),
    signer: await loadSigner({ db, secrets, issuer: issuerOf(installation.id) }),
    listen: { port, hosts: host === "localhost" ? undefined : [host] },
  });
  stack.defer(() => gateway.close({ drainMs: config.drainTimeoutMs }));
  return (await gateway.start()).port;
}

/** Tenants can be made without it, but a start that says "running" should mean it. */
async function waitForRelease(operations: Operations, operationId: string): Promise<void> {
  const enough = AbortSignal.timeout(releaseTimeoutMs);
  const { status, error } = await operations.waitForEnd(showId("op", operationId), releaseTimeoutMs, enough);
  if (status === "failed") throw new Error(`The application Sites could not be released: ${error?.detail}`);
}

const releaseTimeoutMs = 60_000;
