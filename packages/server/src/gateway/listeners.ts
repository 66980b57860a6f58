import { createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { networkOf, Shares } from "../kernel/index.ts";
import { createFirstBytes, httpVersionOf, putBack } from "./first-bytes.ts";
import { createHttp1Server, type Http1Server } from "./http1.ts";
import { createHttp2Sessions } from "./http2/sessions.ts";
import { closeAll, listenEverywhere } from "./listening.ts";
import type { GatewayParts } from "./parts.ts";
import { readClientHello } from "./tls/client-hello.ts";
import { createHandshakes } from "./tls/handshakes.ts";
import type { TlsOptions } from "./tls/options.ts";

export type Listeners = {
  /**
   * Listens on all hosts, at one port in cleartext and at another for TLS where that is wanted; 0 takes one that is
   * free on all of them. Without `hosts` these are the loopback addresses of both families, or the one there is.
   */
  listen(hosts: readonly string[] | undefined, port: number): Promise<Ports>;
  /** Takes no more connections; resolves when those that are open have finished, or were cut after `drainMs`. */
  close(drainMs: number): Promise<void>;
};

/** `tlsPort` is undefined where nobody listens for TLS. */
export type Ports = { port: number; tlsPort: number | undefined };

/** What is spoken on a connection shows in its first bytes, or was agreed on in its handshake. */
export function createListeners(parts: GatewayParts, tls: TlsOptions | undefined): Listeners {
  const { limits, log } = parts;
  const open: Http1Server[] = [];
  const openSecure: Server[] = [];
  const tunnels = new Set<Duplex>();
  const http2 = createHttp2Sessions(parts);
  const firstBytes = createFirstBytes(limits.headersTimeoutMs);
  const handshakes =
    tls &&
    createHandshakes(parts, tls, (socket) => {
      if (socket.alpnProtocol === "h2") http2.serve(socket);
      else open[0]?.speakOn(socket);
    });

  function makeServer(): Http1Server {
    const server = createHttp1Server(parts, tunnels);
    const admits = createDoor(parts);
    server.on("connection", (socket: Socket) => {
      if (!admits(socket)) return;
      firstBytes.read(socket, httpVersionOf, (version, bytes) => {
        if (version === 1) {
          server.speakOn(socket, bytes);
          return;
        }
        putBack(socket, bytes);
        http2.serve(socket);
      });
    });
    return server;
  }

  function makeSecureServer(): Server {
    const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true });
    server.maxConnections = limits.maxConnections;
    const admits = createDoor(parts);
    return server.on("connection", (socket) => {
      if (!admits(socket)) return;
      firstBytes.read(socket, readClientHello, (hello, bytes) => {
        putBack(socket, bytes);
        handshakes?.begin(socket, hello);
      });
    });
  }

  return {
    async listen(hosts, wanted) {
      const { port, servers } = await listenEverywhere({ hosts, port: wanted }, makeServer, log);
      open.push(...servers);
      if (tls === undefined) return { port, tlsPort: undefined };
      const secure = await listenEverywhere({ hosts, port: tls.port }, makeSecureServer, log);
      openSecure.push(...secure.servers);
      return { port, tlsPort: secure.port };
    },
    async close(drainMs) {
      firstBytes.close();
      handshakes?.drain();
      http2.drain();
      const cut = setTimeout(() => {
        for (const server of open) server.closeAllConnections();
        for (const tunnel of tunnels) tunnel.destroy();
        handshakes?.close();
        http2.destroy();
      }, drainMs);
      // Those whose answer had begun before the gateway drained don't know that they should close.
      const closeIdle = setInterval(() => {
        for (const server of open) server.closeIdleConnections();
      }, 50);
      await closeAll([...open, ...openSecure]);
      clearTimeout(cut);
      clearInterval(closeIdle);
    },
  };
}

/** Says of each new connection whether its client may have one more; closes it at once when not. */
function createDoor({ limits, addresses }: GatewayParts): (socket: Socket) => boolean {
  const shares = new Shares(limits.maxConnections);
  return (socket) => {
    const { address, trusted } = addresses.of(socket);
    // Many come through a proxy, which has limits of its own.
    if (trusted) return true;
    const network = networkOf(address);
    const isAdmitted = shares.mayTake(network);
    if (isAdmitted) {
      shares.take(network);
      socket.once("close", () => shares.giveBack(network));
    } else socket.destroy();
    return isAdmitted;
  };
}
