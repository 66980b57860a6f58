import type { Log } from "../../infra/log/index.ts";
import type { GatewayLimits } from "../limits.ts";
import type { Upstream } from "../route.ts";
import type { RouteTable } from "../route-table.ts";
import { UpstreamAddress } from "./address.ts";

export type UpstreamPools = {
  /** The address to send the next request to, leaving out those in `tried`; undefined when none is left. */
  choose(upstream: Upstream, tried: readonly UpstreamAddress[]): UpstreamAddress | undefined;
  /** Avoids an address that couldn't be reached, for a while. */
  rest(address: UpstreamAddress): void;
  close(): void;
};

/** One pool per address, shared by all upstreams that name it; those that none names any more are closed. */
export function createUpstreamPools(options: {
  table: RouteTable;
  limits: GatewayLimits;
  log: Log;
}): UpstreamPools {
  const { table, limits, log } = options;
  const addresses = new Map<string, UpstreamAddress>();
  /** No upstream names them any more, but requests are under way. */
  const retired = new Set<UpstreamAddress>();
  const resolved = new WeakMap<Upstream, UpstreamAddress[]>();
  let turn = 0;

  function resolve(upstream: Upstream): UpstreamAddress[] {
    const list: UpstreamAddress[] = [];
    for (const url of upstream.urls) {
      const address = addresses.get(url) ?? open(url, limits);
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
    for (const [url, address] of addresses) {
      if (named.has(url)) continue;
      addresses.delete(url);
      address.close();
      retired.add(address);
    }
  });
  const sweeper = setInterval(() => {
    const now = performance.now();
    for (const address of addresses.values()) address.sweep(now);
    for (const address of retired) {
      if (address.quiet) retired.delete(address);
      else address.sweep(now);
    }
  }, sweepEveryMs(limits));
  sweeper.unref();

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
    close() {
      unhear();
      clearInterval(sweeper);
      for (const address of [...addresses.values(), ...retired]) address.destroy();
      addresses.clear();
      retired.clear();
    },
  };
}

/** Often enough for the shortest of the times to be kept within a quarter. */
function sweepEveryMs(limits: GatewayLimits): number {
  const shortest = Math.min(
    limits.upstreamConnectTimeoutMs,
    limits.upstreamHeadersTimeoutMs,
    limits.upstreamIdleTimeoutMs,
    limits.upstreamQueueTimeoutMs,
    limits.unreadTimeoutMs,
  );
  return Math.min(Math.max(shortest / 4, 10), 1_000);
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

function open(url: string, limits: GatewayLimits): UpstreamAddress | undefined {
  if (!URL.canParse(url)) return undefined;
  const parsed = new URL(url);
  const { protocol } = parsed;
  return protocol === "http:" || protocol === "https:" ? new UpstreamAddress(parsed, limits) : undefined;
}
