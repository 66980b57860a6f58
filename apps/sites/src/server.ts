import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import type { Tenantry } from "@tenantry/sdk";
import type { SiteLog } from "./log.ts";
import { createRenderer } from "./pages/renderer.ts";
import { createSite } from "./site.ts";

export type SitesServer = {
  readonly port: number;
  /** Resolves when requests can be served; rejects when the application's key is refused. */
  readonly ready: Promise<void>;
  /** Takes no more requests, lets those under way finish (10 s at most), then lets go of everything. Repeatable. */
  stop(): Promise<void>;
};

const drainMs = 10_000;
/** How often connections whose last answer is out are looked for meanwhile. */
const idleMs = 20;

/** Listens on 127.0.0.1; `port` 0 takes any free one. */
export async function startServer(parts: {
  tenantry: Tenantry;
  port: number;
  log: SiteLog;
}): Promise<SitesServer> {
  const { tenantry, port, log } = parts;
  let isReady = false;
  const renderer = createRenderer();
  const site = createSite({ tenantry, renderer, log, isReady: () => isReady });
  const server = createAdaptorServer({ fetch: site.fetch }) as Server;
  // The gateway keeps its connections; whoever closes first loses no request when that is the gateway.
  server.keepAliveTimeout = 90_000;
  // A large upload over a slow line takes its time; the gateway says how long it may.
  server.requestTimeout = 0;
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const stopAll = async (): Promise<void> => {
    await drain(server);
    await renderer.close();
    await tenantry.close();
  };
  let stopping: Promise<void> | undefined;
  const ready = tenantry.ready().then(() => {
    isReady = true;
  });
  ready.catch(() => undefined);
  return {
    ready,
    port: (server.address() as AddressInfo).port,
    stop() {
      stopping ??= stopAll();
      return stopping;
    },
  };
}

async function drain(server: Server): Promise<void> {
  const closed = once(server, "close");
  // A connection that is kept goes with the answer that is under way on it, and takes no request after that.
  server.prependListener("request", (_request, response) => {
    response.shouldKeepAlive = false;
  });
  server.close();
  server.closeIdleConnections();
  const idle = setInterval(() => server.closeIdleConnections(), idleMs);
  const timer = setTimeout(() => server.closeAllConnections(), drainMs);
  await closed;
  clearInterval(idle);
  clearTimeout(timer);
}
