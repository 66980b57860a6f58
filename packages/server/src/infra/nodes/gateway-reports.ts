import type { Db, Notifications } from "../db/index.ts";
import type { Log } from "../log/index.ts";
import { askGateways, reportGateway, selectGateways } from "./gateway-reports.sql.ts";

// Gateways say aloud which version of the routes they answer from. Nothing is written down: it is of interest only to
// who waits for it at that moment, and a gateway needs no right to write in the registry.

/** What a gateway tells of itself. */
export type ReportingGateway = {
  /** The version of the stream `routes` that it answers from; negative before the first load. */
  version(): number;
  /** Calls `hear` whenever that changed, until the returned function is called. */
  onChange(hear: () => void): () => void;
};

/**
 * Tells all who listen which version a gateway answers from: whenever it changed, and whenever somebody asks. The
 * returned function says that the gateway is gone, and ends it.
 */
export function reportVersions(options: {
  db: Db;
  notifications: Notifications;
  log: Log;
  gateway: ReportingGateway;
  /** Undefined until the node has joined the others. */
  nodeId: () => string | undefined;
}): () => Promise<void> {
  const { db, log, gateway } = options;
  let telling: Promise<void> | undefined;
  let again = false;

  async function send(said: string): Promise<void> {
    const nodeId = options.nodeId();
    if (nodeId === undefined) return;
    try {
      await reportGateway(db, nodeId, said);
    } catch (error) {
      // The registry is away, as the gateway's follower says; whoever waits asks again.
      log.debug({ error: (error as Error).message }, "gateway.report_failed");
    }
  }

  /** One at a time, so that an older report can't overtake a newer one. */
  function tell(): void {
    again = telling !== undefined;
    if (again || gateway.version() < 0) return;
    telling = send(String(gateway.version())).finally(() => {
      telling = undefined;
      if (again) tell();
    });
  }

  const stopHearing = [gateway.onChange(tell), options.notifications.on("tenantry_gateways_asked", tell)];
  tell();
  return async () => {
    for (const stop of stopHearing) stop();
    again = false;
    await telling;
    await send(gone);
  };
}

const gone = "gone";

export type GatewayWatch = {
  /**
   * Resolves when every gateway answers from the routes as they stand now, after two seconds at the latest. A gateway
   * that took longer is waited for no more until it is heard again, so that one which died or is cut off delays only
   * those who wait at that moment. Never rejects.
   */
  caughtUp(): Promise<void>;
};

/** A question or an answer may get lost with a connection. */
const askAgainMs = 500;

/** Knows which version of the routes each gateway of the installation answers from. */
export function createGatewayWatch(options: {
  db: Db;
  notifications: Notifications;
  log: Log;
  patienceMs?: number;
}): GatewayWatch {
  const { db, log, patienceMs = 2_000 } = options;
  const versions = new Map<string, number>();
  const givenUp = new Set<string>();
  let news = Promise.withResolvers<void>();

  options.notifications.on("tenantry_gateway", (payload) => {
    const [nodeId, said] = payload.split(":") as [string, string];
    if (said === gone) givenUp.add(nodeId);
    else givenUp.delete(nodeId);
    versions.set(nodeId, said === gone ? -1 : Number(said));
    news.resolve();
    news = Promise.withResolvers();
  });

  function forgetAllBut(gateways: readonly string[]): void {
    for (const known of [...versions.keys(), ...givenUp]) {
      if (gateways.includes(known)) continue;
      versions.delete(known);
      givenUp.delete(known);
    }
  }

  async function wait(): Promise<void> {
    const { version, gateways } = await selectGateways(db);
    forgetAllBut(gateways);
    const behind = () => gateways.filter((id) => !givenUp.has(id) && !((versions.get(id) ?? -1) >= version));
    const deadline = performance.now() + patienceMs;
    let mustAsk = behind().some((id) => !versions.has(id));
    for (let leftMs = deadline - performance.now(); behind().length > 0 && leftMs > 0; ) {
      if (mustAsk) await askGateways(db);
      mustAsk = !(await within(Math.min(askAgainMs, leftMs), news.promise));
      leftMs = deadline - performance.now();
    }
    for (const nodeId of behind()) {
      givenUp.add(nodeId);
      log.warn({ nodeId, version, reached: versions.get(nodeId) }, "gateway.behind");
    }
  }

  // What was changed stays changed, and gateways learn of it when the registry answers again.
  const unknown = (error: Error) => log.warn({ error: error.message }, "gateways.unknown");
  return {
    async caughtUp() {
      // Also when it is the registry that doesn't answer.
      await within(patienceMs + askAgainMs, wait().catch(unknown));
    },
  };
}

/** Whether it came within the time. */
async function within(ms: number, event: Promise<void>): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<false>();
  const timer = setTimeout(resolve, ms, false);
  const came = await Promise.race([event.then(() => true), late]);
  clearTimeout(timer);
  return came;
}
