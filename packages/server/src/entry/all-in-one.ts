import path from "node:path";
import { runApps } from "../features/releases/index.ts";
import { createGateway } from "../gateway/index.ts";
import type { Config } from "../infra/config/index.ts";
import { lockDataDir } from "../infra/data-dir-lock/index.ts";
import { createDb, createNotifications, supportedSchema } from "../infra/db/index.ts";
import type { Log } from "../infra/log/index.ts";
import { joinNodes } from "../infra/nodes/index.ts";
import { createSecrets, loadMasterKey } from "../infra/secrets/index.ts";
import { loadSigner } from "../infra/signing/index.ts";
import { ensureSites } from "./built-in-app.ts";
import { compose, issuerOf } from "./compose.ts";
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
  const secrets = createSecrets(
    await loadMasterKey({ dataDir, masterKeyFile: config.masterKeyFile, create: true }),
  );

  const registry = await openRegistry(config, log);
  stack.defer(() => registry.stop());
  const { url } = registry;
  const db = createDb({ url, applicationName: "tenantry" });
  stack.defer(() => db.destroy());
  const notifications = createNotifications({ url, applicationName: "tenantry notifications", log });
  stack.defer(() => notifications.close());
  const installation = await openInstallation(db, rootDomain);
  const node = await joinNodes({ db, log, role: "all-in-one", version, schemaVersion: supportedSchema.to });
  stack.defer(() => node.leave());

  const signer = await loadSigner({ db, secrets, issuer: issuerOf(installation.id) });
  const gateway = createGateway({
    db,
    notifications,
    log: log.child({ part: "gateway" }),
    snapshotFile: path.join(dataDir, "gateway", "routes.json"),
    signer,
    listen: { port: config.gateway.port, ...listenOn(config.gateway.host) },
  });
  const { port: gatewayPort } = await gateway.start();
  stack.defer(() => gateway.close({ drainMs: drainTimeoutMs }));

  const parts = await compose({
    config,
    log,
    db,
    url,
    notifications,
    secrets,
    installation,
    node,
    gatewayPort,
  });
  await parts.registerServer(registry.server);
  const apiAddress = await parts.api.listen({ host: config.api.host, port: config.api.port });
  stack.defer(() => parts.api.close());
  const apiPort = new URL(apiAddress).port;
  await parts.worker.start();
  stack.defer(() => parts.worker.close());
  stack.defer(() => parts.worker.drain({ timeoutMs: drainTimeoutMs }));
  parts.background.start();
  stack.defer(() => parts.background.stop());

  const apps = runApps({
    db,
    notifications,
    log: log.child({ part: "apps" }),
    nodeId: node.id,
    apiUrl: `http://127.0.0.1:${apiPort}`,
    reaches: [parts.storageRoot],
  });
  stack.defer(() => apps.stop());
  const releasing = await ensureSites(parts);
  if (releasing) await parts.operations.waitForEnd(releasing, 60_000);

  const operator = await writeOperatorFile(db, dataDir, {
    url: `http://localhost:${apiPort}`,
    gatewayUrl: `http://localhost:${gatewayPort}`,
    databaseUrl: registry.server.url,
  });
  return { operator, gatewayUrl: operator.gatewayUrl, postgres: registry.description, dataDir, rootDomain };
}

function listenOn(host: string): { hosts?: string[] } {
  return host === "localhost" ? {} : { hosts: [host] };
}
