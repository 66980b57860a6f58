import { Pool } from "undici";
import type { Log } from "../infra/log/index.ts";
import type { GatewayLimits } from "./limits.ts";
import type { Upstream } from "./route.ts";
import type { RouteTable } from "./route-table.ts";

/** One address of an upstream, and the connections to it. */
export type UpstreamAddress = {
  readonly origin: string;
  /** What the upstream's URL puts before every path; mostly empty. */
  readonly pathPrefix: string;
  /** The name its certificate must bear; undefined over plain HTTP. */
  readonly servername: string | undefined;
  readonly pool: Pool;
  /** Requests under way or waiting. */
  inFlight: number;
  /** Not before this time (as `performance.now()`), while there is another. */
  restsUntil: number;
};

export type UpstreamPools = {
  /** The address to send the next request to, leaving out those in `tried`; undefined when none is left. */
  choose(upstream: Upstream, tried: readonly UpstreamAddress[]): UpstreamAddress | undefined;
  /** Avoids an address that couldn't be reached, for a while. */
  rest(address: UpstreamAddress): void;
  close(): Promise<void>;
};

/** One pool per address, shared by all upstreams that name it; those that none names any more are closed. */
export function createUpstreamPools(options: {
  table: RouteTable;
  limits: GatewayLimits;
  log: Log;
}): UpstreamPools {
  const { table, limits, log } = options;
  const addresses = new Map<string, UpstreamAddress>();
  const resolved = new WeakMap<Upstream, UpstreamAddress[]>();
  let turn = 0;

  function resolve(upstream: Upstream): UpstreamAddress[] {
    const list: UpstreamAddress[] = [];
    for (const url of upstream.urls) {
      const address = addresses.get(url) ?? openAddress(url, limits);
      if (address === undefined) {
        log.warn({ upstreamId: upstream.id, url }, "gateway.upstream_url_refused");
        continue;
      }
      addresses.set(url, address);
      list.push(address);
    }
    resolved.set(upstream, list);
    return list;
  }

  const unhear = table.onChange(() => {
    const named = new Set<string>();
    for (const { urls } of table.content().upstreams.values()) for (const url of urls) named.add(url);
    for (const [url, { pool }] of addresses) {
      if (named.has(url)) continue;
      addresses.delete(url);
      void pool.close();
    }
  });

  return {
    choose(upstream, tried) {
      const list = resolved.get(upstream) ?? resolve(upstream);
      if (list.length <= 1) return list[0] !== undefined && tried.includes(list[0]) ? undefined : list[0];
      turn = (turn + 1) % 1_000_000;
      return leastBusy(list, tried, turn);
    },
    rest(address) {
      address.restsUntil = performance.now() + limits.upstreamRestMs;
    },
    async close() {
      unhear();
      await Promise.all([...addresses.values()].map(({ pool }) => pool.destroy()));
      addresses.clear();
    },
  };
}

/** The least busy one, by turns among equals; one that rests is taken only when all do. */
function leastBusy(
  list: readonly UpstreamAddress[],
  tried: readonly UpstreamAddress[],
  turn: number,
): UpstreamAddress | undefined {
  const now = performance.now();
  let best: UpstreamAddress | undefined;
  for (let at = 0; at < list.length; at += 1) {
    const address = list[(at + turn) % list.length]!;
    if (tried.includes(address)) continue;
    if (best === undefined || weight(address, now) < weight(best, now)) best = address;
  }
  return best;
}

function weight(address: UpstreamAddress, now: number): number {
  return address.inFlight + (address.restsUntil > now ? 1_000_000_000 : 0);
}

function openAddress(url: string, limits: GatewayLimits): UpstreamAddress | undefined {
  if (!URL.canParse(url)) return undefined;
  const { origin, protocol, hostname, pathname } = new URL(url);
  if (protocol !== "http:" && protocol !== "https:") return undefined;
  const pool = new Pool(origin, {
    connections: limits.upstreamConnections,
    pipelining: 1,
    allowH2: false,
    connectTimeout: limits.upstreamConnectTimeoutMs,
    headersTimeout: limits.upstreamHeadersTimeoutMs,
    bodyTimeout: limits.upstreamIdleTimeoutMs,
    maxHeaderSize: 64 * 1024,
  });
  return {
    origin,
    pathPrefix: pathname.replace(/\/+$/, ""),
    servername: protocol === "https:" ? hostname : undefined,
    pool,
    inFlight: 0,
    restsUntil: 0,
  };
}
