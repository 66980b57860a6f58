import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { handleBrokenRequest } from "./broken-request.ts";
import { createFirstBytes, type FirstBytes, httpVersionOf } from "./first-bytes.ts";
import { handle, refuseExpectation } from "./handler.ts";
import { createHttp2Sessions, type Http2Sessions } from "./http2/sessions.ts";
import type { GatewayParts } from "./parts.ts";
import { handleUpgrade, isUpgrade } from "./upgrade.ts";

export type Listeners = {
  /**
   * Listens on all hosts at one port; 0 takes one that is free on all of them. Without `hosts` these are the loopback
   * addresses of both families, or the one that the machine has.
   */
  listen(hosts: readonly string[] | undefined, port: number): Promise<number>;
  /** Takes no more connections; resolves when those that are open have finished, or were cut after `drainMs`. */
  close(drainMs: number): Promise<void>;
};

/** The HTTP servers, one for each address. */
export function createListeners(parts: GatewayParts): Listeners {
  const servers: Server[] = [];
  const tunnels = new Set<Duplex>();
  const http2 = createHttp2Sessions(parts);
  const firstBytes = createFirstBytes(parts.limits.headersTimeoutMs);

  async function listenOnAll(hosts: readonly string[] | undefined, wanted: number): Promise<number> {
    let port = wanted;
    for (const host of hosts ?? ["127.0.0.1", "::1"]) {
      const server = createGatewayServer(parts, tunnels);
      shareConnections(server, firstBytes, http2);
      try {
        await listenOn(server, host, port);
      } catch (error) {
        if (hosts || servers.length === 0 || !isMissingFamily(error)) throw error;
        parts.log.info({ host }, "gateway.address_missing");
        continue;
      }
      servers.push(server);
      port = (server.address() as AddressInfo).port;
    }
    return port;
  }

  async function closeAll(): Promise<void> {
    await Promise.all(
      servers.splice(0).map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
    );
  }

  return {
    async listen(hosts, port) {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await listenOnAll(hosts, port);
        } catch (error) {
          await closeAll();
          // A port that one family gave out may be taken in the other.
          const taken = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
          if (port !== 0 || !taken || attempt === 20) throw error;
        }
      }
    },
    async close(drainMs) {
      const open = [...servers];
      firstBytes.close();
      http2.drain();
      const cut = setTimeout(() => {
        for (const server of open) server.closeAllConnections();
        for (const tunnel of tunnels) tunnel.destroy();
        http2.destroy();
      }, drainMs);
      // Those whose answer had begun before the gateway drained don't know that they should close.
      const closeIdle = setInterval(() => {
        for (const server of open) server.closeIdleConnections();
      }, 50);
      await closeAll();
      clearTimeout(cut);
      clearInterval(closeIdle);
    },
  };
}

function createGatewayServer(parts: GatewayParts, tunnels: Set<Duplex>): Server {
  const { limits } = parts;
  const server = createServer({
    insecureHTTPParser: false,
    // A missing Host header is answered by us, in the same words as all else.
    requireHostHeader: false,
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(limits.headersTimeoutMs / 4, 5_000),
    noDelay: true,
    // A WebSocket whose other end is gone without a word is noticed by this alone.
    keepAlive: true,
    keepAliveInitialDelay: 60_000,
    shouldUpgradeCallback: isUpgrade,
  });
  server.maxConnections = limits.maxConnections;
  server.on("request", (request, response) => handle(parts, request, response));
  server.on("checkContinue", (request, response) => handle(parts, request, response, true));
  server.on("checkExpectation", (request, response) => refuseExpectation(parts, request, response));
  server.on("upgrade", (request, socket, head) =>
    handleUpgrade(parts, tunnels, request, socket as Socket, head),
  );
  server.on("connect", (_request, socket) => refuseTunnel(socket as Socket));
  server.on("clientError", (error, socket) => handleBrokenRequest(parts, error, socket as Socket));
  return server;
}

/** Lets the server have the connections that begin with a request of HTTP/1.1, and `http2` the others. */
function shareConnections(server: Server, firstBytes: FirstBytes, http2: Http2Sessions): void {
  const serveHttp1 = server.listeners("connection");
  server.removeAllListeners("connection").on("connection", (socket: Socket) =>
    firstBytes.read(socket, httpVersionOf, (version) => {
      if (version === 2) {
        http2.serve(socket);
        return;
      }
      for (const serve of serveHttp1) serve.call(server, socket);
      socket.resume();
    }),
  );
}

function isMissingFamily(error: unknown): boolean {
  return ["EADDRNOTAVAIL", "EAFNOSUPPORT"].includes((error as NodeJS.ErrnoException).code ?? "");
}

/** Node hands the connection over with nobody listening to its errors, and forgets it: its end is ours to see to. */
function refuseTunnel(socket: Socket): void {
  socket.on("error", () => socket.destroy());
  socket.write("HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  socket.destroySoon();
}

function listenOn(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, ipv6Only: true, backlog: 1_024 }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
