import type { TenantryError } from "../kernel/index.ts";
import { createBag, type InBag } from "./bag.ts";
import type { Route } from "./route.ts";
import type { RouteTable } from "./route-table.ts";
import { refusalOf, unknownHost } from "./verdict.ts";

/** A request whose answer isn't out yet, or a connection that came of one. */
export type OpenExchange = InBag & {
  /** The host's route as it stood when the request was let in. */
  readonly route: Route;
  /** Whether it would go on for as long as it pleases, as a WebSocket or an event stream does. */
  readonly isEndless: boolean;
  /** Ends it: `refusal` is what its host would answer now. */
  end(refusal: TenantryError): void;
};

export type OpenExchanges = {
  add(exchange: OpenExchange): void;
  delete(exchange: OpenExchange): void;
  close(): void;
};

/**
 * Sees to it that nothing outlives its host's right to it: when a host is suspended, closed for maintenance, deleted or
 * given to another environment, endless exchanges end at once, all others when `graceMs` are over.
 */
export function createOpenExchanges(options: { table: RouteTable; graceMs: number }): OpenExchanges {
  const { table, graceMs } = options;
  const open = createBag<OpenExchange>();
  /** Those that may go on for a while, each with the others whose grace began at the same moment. */
  const lapsed = new Map<OpenExchange, readonly OpenExchange[]>();
  const timers = new Set<NodeJS.Timeout>();

  function endAfterGrace(exchanges: readonly OpenExchange[]): void {
    for (const exchange of exchanges) lapsed.set(exchange, exchanges);
    const timer = setTimeout(() => {
      timers.delete(timer);
      // It may be over meanwhile, or its host may be reached again.
      for (const exchange of exchanges) {
        const refusal = lapsed.get(exchange) === exchanges && refusalNow(table, exchange.route);
        if (refusal) exchange.end(refusal);
      }
    }, graceMs);
    timers.add(timer.unref());
  }

  const unhear = table.onChange((hostnames) => {
    const finite: OpenExchange[] = [];
    for (const exchange of open) {
      if (hostnames?.has(exchange.route.hostname) === false) continue;
      const refusal = refusalNow(table, exchange.route);
      if (!refusal) lapsed.delete(exchange);
      else if (exchange.isEndless) exchange.end(refusal);
      else if (!lapsed.has(exchange)) finite.push(exchange);
    }
    if (finite.length > 0) endAfterGrace(finite);
  });

  return {
    add(exchange) {
      open.add(exchange);
    },
    delete(exchange) {
      open.delete(exchange);
      if (lapsed.size > 0) lapsed.delete(exchange);
    },
    close() {
      unhear();
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

/** Why the exchange that began under `route` would be refused now; undefined when it wouldn't. */
export function refusalNow(table: RouteTable, route: Route): TenantryError | undefined {
  const now = table.find(route.hostname);
  if (now === route) return undefined;
  if (now === undefined || now.environmentId !== route.environmentId) return unknownHost(route.hostname);
  return refusalOf(now);
}
