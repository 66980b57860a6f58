import type { Db, Notifications } from "../infra/db/index.ts";
import type { Log } from "../infra/log/index.ts";
import type { Signer } from "../infra/signing/index.ts";
import { createClientAddresses } from "./client-address.ts";
import { createCounters, type GatewayStats } from "./counters.ts";
import { createIdentities } from "./identity.ts";
import { defaultLimits, type GatewayLimits } from "./limits.ts";
import { createListeners, type Ports } from "./listeners.ts";
import { createOpenExchanges } from "./open-exchanges.ts";
import type { GatewayParts } from "./parts.ts";
import { createRouteFollower } from "./route-follower.ts";
import { createRouteTable } from "./route-table.ts";
import { createSnapshotFile } from "./snapshot-file.ts";
import type { TlsOptions } from "./tls/options.ts";
import { createUpstreamPools } from "./upstream/pools.ts";

export type { GatewayStats } from "./counters.ts";
export { reservedPaths } from "./handler.ts";
export type { GatewayLimits } from "./limits.ts";
export {
  prepareRegistryRole,
  type RegistryRole,
  registryRoleName,
  tryRegistryRole,
} from "./registry-role.ts";

export type { TlsOptions } from "./tls/options.ts";

export type GatewayOptions = {
  db: Db;
  notifications: Notifications;
  log: Log;
  /** Where the last known routes are kept, to start from while the registry is away. */
  snapshotFile: string;
  signer: Signer;
  /** The loopback addresses of both families when `hosts` is left out; port 0 takes a free one. */
  listen: { hosts?: readonly string[]; port: number };
  /** Listens for TLS as well, on the same hosts. */
  tls?: TlsOptions;
  limits?: Partial<GatewayLimits>;
  /** Networks (CIDR) whose X-Forwarded-For and X-Forwarded-Proto are believed. */
  trustedProxies?: readonly string[];
  /** Whether this node is about to stop: `/_tenantry/ready` says so, everything else goes on. */
  isDraining?: () => boolean;
};

export type Gateway = {
  /**
   * Loads the routes and listens; resolves with the ports. While the registry is away it serves what stood in the
   * snapshot, and 503 when there is none. Rejects with EADDRINUSE when the port is taken; nothing is left running.
   */
  start(): Promise<Ports>;
  /** Resolves once requests are answered from what the registry says now, or when it doesn't answer. */
  refresh(): Promise<void>;
  /**
   * Takes no more connections, closes idle ones, lets requests finish for `drainMs` (10 s when left out) and cuts
   * what is left. Repeatable.
   */
  close(options?: { drainMs?: number }): Promise<void>;
  /** Counts since the start, in memory. */
  stats(): GatewayStats;
  /** The version of the stream `routes` that requests are answered from; -1 before the first load. */
  version(): number;
  /** Calls `hear` whenever requests are answered from something newer, until the returned function is called. */
  onChange(hear: () => void): () => void;
  /** Whether the registry answered last time. */
  connected(): boolean;
};

/** The gateway: hosts to environments to upstreams, from memory; no request waits for the registry. */
export function createGateway(options: GatewayOptions): Gateway {
  const { db, notifications, log } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const table = createRouteTable();
  const pools = createUpstreamPools({ table, limits, log });
  const parts: GatewayParts = {
    table,
    pools,
    limits,
    log,
    identities: createIdentities({ signer: options.signer }),
    addresses: createClientAddresses(options.trustedProxies ?? []),
    open: createOpenExchanges({ table, graceMs: limits.lapsedGraceMs }),
    counters: createCounters(),
    isDraining: options.isDraining ?? (() => false),
    closing: false,
  };
  const follower = createRouteFollower({ db, notifications, table, log });
  const snapshot = createSnapshotFile({ file: options.snapshotFile, table, log });
  const listeners = createListeners(parts, options.tls);
  let closed: Promise<void> | undefined;

  async function closeOnce(drainMs: number): Promise<void> {
    parts.closing = true;
    await listeners.close(drainMs);
    await follower.stop();
    await snapshot.close();
    parts.open.close();
    pools.close();
  }

  function close(drainMs: number): Promise<void> {
    closed ??= closeOnce(drainMs);
    return closed;
  }

  return {
    async start() {
      const last = await snapshot.load();
      if (last) table.replace(last);
      snapshot.follow();
      const following = follower.start();
      // With a snapshot at hand nobody has to wait for the registry.
      if (!last) await following;
      const ports = await listeners.listen(options.listen.hosts, options.listen.port).catch(async (error) => {
        await close(0);
        throw error;
      });
      log.info(
        { ...ports, version: table.version(), routes: table.content().routes.size },
        "gateway.listening",
      );
      return ports;
    },
    refresh: () => follower.refresh(),
    close: ({ drainMs = 10_000 } = {}) => close(drainMs),
    stats: () => structuredClone(parts.counters),
    version: () => table.version(),
    onChange: (hear) => table.onChange(hear),
    connected: () => follower.connected(),
  };
}
