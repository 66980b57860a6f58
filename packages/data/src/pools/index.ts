import { LRUCache } from "lru-cache";
import { PlacementRetired } from "../errors.ts";
import type { DatabasePlacement } from "./connection.ts";
import { type Lease, type PoolLimits, type PoolStats, ServerPool } from "./server-pool.ts";

export {
  asUnavailable,
  type Connection,
  type DatabasePlacement,
  readyAgain,
  sendCancelRequest,
} from "./connection.ts";
export type { Lease, PoolStats } from "./server-pool.ts";

export type PoolsOptions = {
  /**
   * Backends that this process may hold on a database server, over all its databases. Asked anew at every decision;
   * call `refresh()` when an answer changes.
   */
  budgets: (serverId: string) => number;
  /** Who may wait for a connection, per server; 1,000 when left out. */
  maxWaiters?: number;
  /** 10,000 when left out. */
  waitTimeoutMs?: number;
  /** After this time without use a connection is closed; 60,000 when left out. */
  idleMs?: number;
  /** The part of a server's budget that one environment may hold at once; 0.5 when left out, one backend at least. */
  environmentShare?: number;
  /** 5,000 when left out. */
  connectTimeoutMs?: number;
  /** After this time the server ends a statement; 30,000 when left out. */
  statementTimeoutMs?: number;
  /** Shown in pg_stat_activity; "tenantry" when left out. */
  applicationName?: string;
};

export type Pools = {
  /**
   * Leases a backend for this environment alone; in a shared database, another one may have used it before. Throws `PoolExhausted`, `DatabaseUnavailable`, `PlacementRetired`
   * when a newer generation has been seen, or the signal's reason.
   */
  lease(placement: DatabasePlacement, options?: { signal?: AbortSignal }): Promise<Lease>;
  /** The same for one that stands ready; undefined when it has to be waited for. */
  leaseReady(placement: DatabasePlacement, options?: { signal?: AbortSignal }): Lease | undefined;
  /**
   * Closes every connection of an environment that left: idle ones now, busy ones when given back. Those to a database
   * that it shared, and that are idle, stay for the others there.
   */
  forget(environmentId: string): void;
  /** Looks at the budgets again: closes idle connections above one, serves waiters below it. */
  refresh(): void;
  stats(): PoolStats[];
  readonly statementTimeoutMs: number;
  /** Refuses new work, waits up to `drainTimeoutMs` (10,000 when left out) for what is at work, then cuts it off. Repeatable. */
  close(options?: { drainTimeoutMs?: number }): Promise<void>;
};

/** Beyond, the connections of the environment that asked least recently are closed, and it is forgotten. */
const mostEnvironments = 4_000;

/**
 * Connections to the databases of all environments, leased per database server: their sum never goes beyond the
 * server's budget. When it is reached, the least recently used idle connection of another environment makes room.
 * Who can't be served waits in turn, environment by environment.
 */
export function createPools(options: PoolsOptions): Pools {
  const limits: PoolLimits = {
    maxWaiters: 1_000,
    waitTimeoutMs: 10_000,
    idleMs: 60_000,
    environmentShare: 0.5,
    connectTimeoutMs: 5_000,
    statementTimeoutMs: 30_000,
    applicationName: "tenantry",
    ...options,
  };
  const servers = new Map<string, ServerPool>();
  /** The newest placement seen of each environment; who isn't here has no connection. */
  const newest = new LRUCache<string, DatabasePlacement>({
    max: mostEnvironments,
    dispose: (placement, environmentId, reason) => {
      if (reason !== "set") servers.get(placement.serverId)?.forget(environmentId);
    },
  });
  let closing: Promise<void> | undefined;

  function serverPool(serverId: string): ServerPool {
    const known = servers.get(serverId);
    if (known) return known;
    const made = new ServerPool(serverId, limits);
    servers.set(serverId, made);
    return made;
  }

  function takeNote(placement: DatabasePlacement): void {
    const known = newest.get(placement.environmentId);
    if (known && placement.generation < known.generation) {
      throw new PlacementRetired(placement.environmentId, placement.generation);
    }
    if (known && isSamePlace(known, placement)) return;
    newest.set(placement.environmentId, placement);
    if (!known) return;
    // A new generation, or new credentials: nothing may be done at the old place any more.
    servers.get(known.serverId)?.retire(placement.environmentId, (old) => !isSamePlace(old, placement));
  }

  async function close(drainTimeoutMs: number): Promise<void> {
    const hurry = new AbortController();
    const timer = setTimeout(() => hurry.abort(), drainTimeoutMs);
    await Promise.all([...servers.values()].map((server) => server.close(hurry.signal)));
    clearTimeout(timer);
  }

  return {
    statementTimeoutMs: limits.statementTimeoutMs,
    async lease(placement, { signal } = {}) {
      takeNote(placement);
      return serverPool(placement.serverId).lease(placement, signal);
    },
    leaseReady(placement, { signal } = {}) {
      takeNote(placement);
      return serverPool(placement.serverId).leaseReady(placement, signal);
    },
    forget(environmentId) {
      newest.delete(environmentId);
    },
    refresh() {
      for (const server of servers.values()) server.refresh();
    },
    stats: () => [...servers.values()].map((server) => server.stats()),
    close({ drainTimeoutMs = 10_000 } = {}) {
      closing ??= close(drainTimeoutMs);
      return closing;
    },
  };
}

function isSamePlace(left: DatabasePlacement, right: DatabasePlacement): boolean {
  return left.serverId === right.serverId && left.generation === right.generation && left.url === right.url;
}
