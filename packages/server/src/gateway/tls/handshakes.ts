import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { LRUCache } from "lru-cache";
import type { GatewayParts } from "../parts.ts";
import { isExpired } from "../verdict.ts";
import type { ClientHello } from "./client-hello.ts";
import type { TlsOptions } from "./options.ts";

export type Handshakes = {
  /** Shakes hands with a client that has said hello, in the name of the host that it named. */
  begin(socket: Socket, hello: ClientHello | "other"): void;
  /** Cuts those under way: who hasn't finished by now, or left in the middle, is waited for by nobody. */
  drain(): void;
  /** Cuts what came of them, too. */
  close(): void;
};

/** About 70 KiB each. */
const mostHosts = 1_000;
const hourMs = 3_600_000;
const keptMs = 12 * hourMs;

/** Between two lines in the log that say why nobody gets in. */
const tellAgainMs = 60_000;

/** A fatal alert, unrecognized_name (RFC 6066 §3): there is no certificate to go on with. */
const unknownName = Buffer.from([21, 3, 1, 0, 2, 2, 112]);
const notTls =
  "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: 29\r\n\r\n" +
  "This port speaks HTTPS only.\n";

/**
 * One TLS server for each hostname, for those asked for most lately. A session is resumed under the name alone under
 * which it began: tickets are sealed with the name's own keys, and bear its context. All gateways of an installation
 * seal with the same keys, which change every day. `take` gets each connection once it is secure.
 */
export function createHandshakes(
  parts: GatewayParts,
  options: TlsOptions,
  take: (socket: TLSSocket) => void,
): Handshakes {
  const { table, addresses, limits, log } = parts;
  const { servers, unhear } = keepServers(table);
  const connections = keepConnections();
  const refusal = createRefusal(parts, options);
  async function open(hostname: string): Promise<Server> {
    const { chain, privateKey, expiresAt } = await options.certificateFor(hostname);
    const name = `tls-tickets:${Math.floor(Date.now() / (24 * hourMs))}:${hostname}`;
    const server = createServer({
      cert: chain,
      key: privateKey,
      ALPNProtocols: ["h2", "http/1.1"],
      handshakeTimeout: limits.headersTimeoutMs,
      sessionIdContext: createHash("sha256").update(hostname).digest("hex").slice(0, 32),
      ticketKeys: Buffer.concat([options.secretFor(name), options.secretFor(`${name}:2`)]).subarray(0, 48),
    });
    server.on("secureConnection", (socket) => {
      connections.secured(socket);
      // What we read and what OpenSSL read must be the same name; of a session of TLS 1.2 it says none.
      if (socket.servername !== hostname && !socket.isSessionReused()) return void socket.destroy();
      addresses.secured(socket, hostname);
      take(socket);
    });
    server.on("tlsClientError", (error) =>
      log.debug({ hostname, error: error.message }, "gateway.handshake_failed"),
    );
    const leftMs = expiresAt.getTime() - Date.now() - hourMs;
    if (leftMs < keptMs) servers.set(hostname, Promise.resolve(server), { ttl: Math.max(leftMs, 1) });
    return server;
  }

  function serverOf(hostname: string): Promise<Server> {
    const known = servers.get(hostname);
    if (known) return known;
    const opening = open(hostname).catch((error: Error) => {
      servers.delete(hostname);
      log.error({ hostname, error: error.message }, "gateway.certificate_missing");
      throw error;
    });
    servers.set(hostname, opening);
    return opening;
  }

  return {
    begin(socket, hello) {
      const close = (): void => void socket.destroy();
      socket.on("error", close);
      if (hello === "other") {
        socket.end(notTls, close);
        return;
      }
      const { hostname } = hello;
      const route = hostname === undefined ? undefined : table.find(hostname);
      // A certificate, and the memory for it, is for names that lead somewhere.
      if (route === undefined || isExpired(route) || refusal.holdsFor(route.hostname)) {
        socket.end(unknownName, close);
        return;
      }
      connections.add(socket);
      serverOf(route.hostname).then(
        (server) => socket.destroyed || server.emit("connection", socket),
        () => socket.end(unknownName, close),
      );
    },
    drain: connections.drain,
    close() {
      unhear();
      connections.close();
    },
  };
}

/** Which are open, and which of those aren't secure yet. */
function keepConnections() {
  const open = new Set<Socket>();
  const underWay = new Map<string, Socket>();
  // The client's end, which a connection under TLS shares with the one that carries it.
  const endOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`;
  return {
    add(socket: Socket): void {
      const end = endOf(socket);
      open.add(socket);
      underWay.set(end, socket);
      socket.on("close", () => {
        open.delete(socket);
        if (underWay.get(end) === socket) underWay.delete(end);
      });
    },
    secured: (socket: TLSSocket): void => void underWay.delete(endOf(socket)),
    drain(): void {
      for (const socket of underWay.values()) socket.destroy();
    },
    close(): void {
      for (const socket of open) socket.destroy();
    },
  };
}

/** Who has a name later may have it by another authority: what leads nowhere any more isn't kept. */
function keepServers(table: GatewayParts["table"]) {
  const servers = new LRUCache<string, Promise<Server>>({ max: mostHosts, ttl: keptMs });
  const unhear = table.onChange((hostnames) => {
    for (const name of hostnames ?? [...servers.keys()]) if (!table.find(name)) servers.delete(name);
  });
  return { servers, unhear };
}

/** Nobody can give a host a certificate yet: without automatic ones there is none for any, and the log says so. */
function createRefusal({ table, log }: GatewayParts, options: TlsOptions) {
  let toldAt: number | undefined;
  return {
    holdsFor(hostname: string): boolean {
      if (options.automatic ?? table.settings().automaticTls) return false;
      const now = performance.now();
      if (toldAt === undefined || now - toldAt > tellAgainMs) {
        toldAt = now;
        log.warn({ hostname, setting: "automaticTls" }, "gateway.https_off");
      }
      return true;
    },
  };
}
