import { once } from "node:events";
import { settleDomains, showAutomaticTls } from "../features/domains/index.ts";
import { refreshStaleUpstreams, runApps, sealPlainVariables } from "../features/releases/index.ts";
import { createGateway, type Gateway } from "../gateway/index.ts";
import type { Confinement } from "../infra/app-process/index.ts";
import type { Config } from "../infra/config/index.ts";
import { lockDataDir } from "../infra/data-dir-lock/index.ts";
import { createDb, createNotifications, inTransaction, supportedSchema } from "../infra/db/index.ts";
import { closeApi } from "../infra/http/index.ts";
import type { Log } from "../infra/log/index.ts";
import { joinNodes, reportVersions } from "../infra/nodes/index.ts";
import { createSecrets, loadMasterKey } from "../infra/secrets/index.ts";
import { prepareApplications } from "./applications.ts";
import { releaseSites } from "./built-in-app.ts";
import { compose, type Parts } from "./compose.ts";
import { startGatewayNode } from "./gateway-node.ts";
import {
  authorityFileOf,
  learnRegistry,
  openGatewayDb,
  openSigner,
  openTls,
  snapshotFileOf,
} from "./gateway-registry.ts";
import { openInstallation } from "./installation.ts";
import { type OperatorFile, writeOperatorFile } from "./operator-file.ts";
import { requireFreePorts } from "./ports.ts";
import { openRegistry } from "./registry.ts";
import type { Role } from "./roles.ts";
import { createShutdown, type Shutdown } from "./shutdown.ts";
import { version } from "./version.ts";

export type StartOptions = {
  config: Config;
  log: Log;
  roles: ReadonlySet<Role>;
  /** The data directory is this process's alone, and what isn't there yet (master key, database) is made. */
  owner: boolean;
  /** Milliseconds between saying that this node stops and stopping, unless the configuration says otherwise. */
  drainDelayMs?: number;
  /** Ends the start. It has no effect on what has started. */
  signal?: AbortSignal;
};

export type Running = {
  /** Undefined without the role `api`. */
  operator: (OperatorFile & { file: string }) | undefined;
  /** Undefined without the role `gateway`. */
  gatewayUrl: string | undefined;
  gatewayTlsUrl: string | undefined;
  /** The certificate of the authority that vouches for tenants' hosts. */
  authorityFile: string;
  /** Whether tenants' hosts get certificates by themselves. Undefined on a node that is a gateway alone. */
  automaticTls: boolean | undefined;
  /** How applications' processes are kept together. Undefined without the role `worker`. */
  confinement: Confinement | undefined;
  /** What the registry stands on, for people. */
  postgres: string;
  tookMs: number;
  dataDir: string;
  rootDomain: string;
  /** Ends everything in order: no more requests, no more work, applications, database. Repeatable. */
  stop(): Promise<void>;
};

/**
 * Starts an installation, or some roles of it, in this process. Safe to call after `kill -9` at any moment: everything
 * is found as it was. Resolves when applications answer that can. Rejects, with all that it started ended again, when a
 * port is taken, the data directory in use, or the start interrupted.
 */
export async function startInstallation(options: StartOptions): Promise<Running> {
  const startedAt = performance.now();
  const shutdown = createShutdown();
  try {
    const started = await start(options, shutdown);
    const stop = async () => {
      await shutdown.drain(options.config.drainDelayMs ?? options.drainDelayMs ?? 0);
      await shutdown.end();
    };
    return { ...started, tookMs: performance.now() - startedAt, stop };
  } catch (error) {
    await shutdown.end();
    throw error;
  }
}

async function start(options: StartOptions, shutdown: Shutdown) {
  const { config, log } = options;
  const { dataDir, rootDomain } = config;
  if (options.owner) {
    const lock = await lockDataDir(dataDir);
    shutdown.base.defer(() => lock.release());
  }
  await requireFreePorts(config, options.roles);
  if (config.databaseUrl && [...options.roles].join() === "gateway") {
    const ports = await startGatewayNode(options, shutdown);
    const postgres = new URL(config.databaseUrl).host;
    const places = gatewayPlaces(config, ports);
    const none = { operator: undefined, automaticTls: undefined, confinement: undefined };
    return { ...none, ...places, postgres, dataDir, rootDomain };
  }
  const base = await openBase(options, shutdown.base);
  // What a killed node left there must not be served: others may have its ports by now.
  await refreshStaleUpstreams(base.db);
  const gateway = options.roles.has("gateway") ? await startGateway(config, log, base, shutdown) : undefined;
  const gatewayPort = gateway?.port;
  options.signal?.throwIfAborted();
  const parts = await compose({
    config,
    log,
    gatewayPort: gatewayPort ?? config.gateway.port,
    gatewayTlsPort: gateway?.tlsPort,
    fleet: base.registry.fleet,
    isDraining: shutdown.isDraining,
    ...base,
  });
  const automaticTls = await tellGateways(parts);
  const apiUrl = options.roles.has("api") ? await startApi(config, parts, shutdown) : config.apiUrl;
  options.signal?.throwIfAborted();
  const confinement = options.roles.has("worker")
    ? await startWork({ ...options, base, parts, apiUrl }, shutdown)
    : undefined;
  await gateway?.refresh();
  options.signal?.throwIfAborted();
  const operator = options.roles.has("api")
    ? await writeOperatorFile(base.db, dataDir, {
        url: apiUrl.replace("127.0.0.1", "localhost"),
        gatewayUrl: `http://localhost:${gatewayPort ?? config.gateway.port}`,
        gatewayTlsUrl: gatewayPlaces(config, gateway).gatewayTlsUrl,
        databaseUrl: base.registry.server.url,
      })
    : undefined;
  const postgres = base.registry.description;
  const places = gatewayPlaces(config, gateway);
  return { operator, ...places, automaticTls, confinement, postgres, dataDir, rootDomain };
}

function gatewayPlaces(config: Config, ports: GatewayPorts | undefined) {
  return {
    gatewayUrl: ports && `http://localhost:${ports.port}`,
    gatewayTlsUrl: ports?.tlsPort === undefined ? undefined : `https://localhost:${ports.tlsPort}`,
    authorityFile: authorityFileOf(config),
  };
}

type GatewayPorts = Awaited<ReturnType<Gateway["start"]>>;

/** What everything else stands on. */
async function openBase(
  { config, log, owner, roles: own, signal }: StartOptions,
  stack: AsyncDisposableStack,
) {
  const { dataDir, masterKeyFile } = config;
  const secrets = createSecrets(await loadMasterKey({ dataDir, masterKeyFile, create: owner }));
  const registry = await openRegistry(config, log, signal);
  stack.defer(() => registry.stop());
  const { url } = registry;
  const db = createDb({ url, applicationName: "tenantry" });
  stack.defer(() => db.destroy());
  const notifications = createNotifications({ url, applicationName: "tenantry notifications", log });
  stack.defer(() => notifications.close());
  const installation = await openInstallation(db, config.rootDomain);
  const role = [...own].join(",");
  const node = await joinNodes({ db, log, role, version, schemaVersion: supportedSchema.to });
  stack.defer(() => node.leave());
  return { secrets, registry, url, db, notifications, installation, node };
}

type Base = Awaited<ReturnType<typeof openBase>>;

async function startGateway(
  config: Config,
  log: Log,
  base: Base,
  shutdown: Shutdown,
): Promise<Gateway & GatewayPorts> {
  const { host, port, trustedProxies } = config.gateway;
  const deps = { ...base, config, log };
  const known = await learnRegistry(deps, base.installation.id);
  const db = openGatewayDb(base.url, known);
  shutdown.base.defer(() => db.destroy());
  const gateway = createGateway({
    db,
    notifications: base.notifications,
    log: log.child({ part: "gateway" }),
    snapshotFile: snapshotFileOf(config),
    signer: await openSigner(deps, known),
    tls: await openTls(deps),
    listen: { port, hosts: host === "localhost" ? undefined : [host] },
    trustedProxies,
    isDraining: shutdown.isDraining,
  });
  const endReports = reportVersions({ ...deps, db, gateway, nodeId: () => base.node.id });
  shutdown.traffic.push(async () => {
    await gateway.close({ drainMs: config.drainTimeoutMs });
    await endReports();
  });
  return { ...gateway, ...(await gateway.start()) };
}

/** What a file or a variable fixes here may be another than at the last start. */
function tellGateways({ db, settings, domainParts }: Parts): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    const automaticTls = await settings.get<boolean>(tx, "automaticTls");
    await showAutomaticTls(tx, automaticTls);
    await settleDomains(domainParts, tx);
    return automaticTls;
  });
}

async function startApi({ api, drainTimeoutMs }: Config, parts: Parts, shutdown: Shutdown): Promise<string> {
  shutdown.api.push(() => closeApi(parts.api, { drainMs: drainTimeoutMs }));
  const address = new URL(await parts.api.listen({ host: api.host, port: api.port }));
  return `http://127.0.0.1:${address.port}`;
}

type Work = StartOptions & { base: Base; parts: Parts; apiUrl: string };

/** The worker, what goes on by itself, and the processes of the applications. */
async function startWork(
  { config, log, signal = new AbortController().signal, base, parts, apiUrl }: Work,
  shutdown: Shutdown,
): Promise<Confinement> {
  await parts.registerServer(base.registry.server);
  const serversAreUp = parts.startServers();
  shutdown.traffic.push(async () => {
    await parts.worker.drain({ timeoutMs: config.drainTimeoutMs });
    await parts.worker.close();
  });
  await parts.worker.start();
  shutdown.traffic.push(() => parts.background.stop());
  parts.background.start();
  await sealPlainVariables(base);
  const prepared = await prepareApplications(config, log);
  await soonEnough(serversAreUp, signal);
  const apps = runApps({
    ...base,
    log: log.child({ part: "apps" }),
    nodeId: base.node.id,
    apiUrl,
    reachesOf: parts.reachesOf,
    isRoutedByOthers: () => base.node.hasOther("gateway"),
    ...prepared,
  });
  shutdown.applications.push(() => apps.stop());
  await releaseSites(parts, signal);
  await soonEnough(apps.settled(), signal);
  return prepared.confinement;
}

const patienceMs = 15_000;

/** For applications and servers that were here before; one that is slow holds nobody up for ever. */
async function soonEnough(settled: Promise<void>, signal: AbortSignal): Promise<void> {
  const enough = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]);
  if (!enough.aborted) await Promise.race([settled, once(enough, "abort")]);
}
