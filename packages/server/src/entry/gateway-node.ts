import { setTimeout as delay } from "node:timers/promises";
import { refreshStaleUpstreams } from "../features/releases/index.ts";
import { createGateway } from "../gateway/index.ts";
import type { Config } from "../infra/config/index.ts";
import { createDb, createNotifications, isConnectionFailure, supportedSchema } from "../infra/db/index.ts";
import type { Log } from "../infra/log/index.ts";
import { joinNodes, type Node, reportVersions } from "../infra/nodes/index.ts";
import { createSecrets, loadMasterKey } from "../infra/secrets/index.ts";
import type { Signer } from "../infra/signing/index.ts";
import {
  type KnownRegistry,
  learnRegistry,
  openGatewayDb,
  openSigner,
  openTls,
  recallRegistry,
  snapshotFileOf,
} from "./gateway-registry.ts";
import { openInstallation } from "./installation.ts";
import { openRegistry } from "./registry.ts";
import type { Shutdown } from "./shutdown.ts";
import { version } from "./version.ts";

export type GatewayNodeOptions = { config: Config; log: Log; signal?: AbortSignal };

const joinAgainMs = 1_000;

/**
 * A node that is a gateway and nothing else. It starts also while the registry is away, from what it wrote down the
 * last time: it then serves the last known routes, and joins the others when the registry is back.
 */
export async function startGatewayNode(
  options: GatewayNodeOptions,
  shutdown: Shutdown,
): Promise<{ port: number; tlsPort: number | undefined }> {
  const { config, log } = options;
  const { dataDir, masterKeyFile } = config;
  const url = config.databaseUrl!;
  const secrets = createSecrets(await loadMasterKey({ dataDir, masterKeyFile, create: false }));
  const db = createDb({ url, applicationName: "tenantry", maxConnections: 2 });
  shutdown.base.defer(() => db.destroy());
  const deps = { config, log, db, url, secrets };
  let node: Node | undefined;

  async function join(): Promise<KnownRegistry> {
    await openRegistry(config, log, options.signal);
    const installation = await openInstallation(db, config.rootDomain);
    const known = await learnRegistry(deps, installation.id);
    const joined = await joinNodes({ db, log, role: "gateway", version, schemaVersion: supportedSchema.to });
    shutdown.base.defer(() => joined.leave());
    node = joined;
    // What a killed node left there must not be served: others may have its ports by now.
    await refreshStaleUpstreams(db);
    return known;
  }
  const joined = await join().catch((error: unknown) => {
    if (!isConnectionFailure(error)) throw error;
    return error as Error;
  });
  const known = joined instanceof Error ? await recallRegistry(config) : joined;
  // Nothing was ever written down here: there is nothing to serve.
  if (known === undefined) throw joined;
  let signer = await openSigner(deps, known);
  if (joined instanceof Error) {
    log.warn({ error: joined.message }, "gateway.started_without_registry");
    followUp(async () => {
      signer = await openSigner(deps, await join());
      log.info("gateway.joined");
    }, shutdown);
  }

  const gatewayDb = openGatewayDb(url, known);
  shutdown.base.defer(() => gatewayDb.destroy());
  const notifications = createNotifications({ url, applicationName: "tenantry notifications", log });
  shutdown.base.defer(() => notifications.close());
  const { host, port, trustedProxies } = config.gateway;
  const current: Signer = {
    get kid() {
      return signer.kid;
    },
    sign: (...token) => signer.sign(...token),
  };
  const gateway = createGateway({
    db: gatewayDb,
    notifications,
    log: log.child({ part: "gateway" }),
    snapshotFile: snapshotFileOf(config),
    signer: current,
    tls: await openTls(deps),
    listen: { port, hosts: host === "localhost" ? undefined : [host] },
    trustedProxies,
    isDraining: shutdown.isDraining,
  });
  const nodeId = () => node?.id;
  const endReports = reportVersions({ db: gatewayDb, notifications, log, gateway, nodeId });
  shutdown.traffic.push(async () => {
    await gateway.close({ drainMs: config.drainTimeoutMs });
    await endReports();
  });
  return gateway.start();
}

/** Tries it once a second until it succeeds, or the node stops. */
function followUp(work: () => Promise<void>, shutdown: Shutdown): void {
  const stop = new AbortController();
  const trying = (async () => {
    while (!stop.signal.aborted) {
      await delay(joinAgainMs, undefined, { signal: stop.signal }).catch(() => undefined);
      if (stop.signal.aborted) return;
      try {
        return await work();
      } catch {
        // The gateway's own look at the registry says that it is away, and when it is back.
      }
    }
  })();
  shutdown.traffic.push(async () => {
    stop.abort();
    await trying;
  });
}
