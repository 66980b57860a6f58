import { createServer, type Server } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { handleBrokenRequest } from "./broken-request.ts";
import { handle, refuseExpectation } from "./handler.ts";
import type { GatewayParts } from "./parts.ts";
import { handleUpgrade, isUpgrade } from "./upgrade.ts";

/** A server for HTTP/1.1 that leaves it to us which of its connections speak that, and may be given others. */
export type Http1Server = Server & {
  /** `bytes` were read from it already. */
  speakOn(socket: Socket, bytes?: Buffer): void;
};

/** `tunnels` holds the client's end of each connection that was upgraded. */
export function createHttp1Server(parts: GatewayParts, tunnels: Set<Duplex>): Http1Server {
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
  server.on("request", (request, response) => void handle(parts, request, response));
  server.on("checkContinue", (request, response) => void handle(parts, request, response, true));
  server.on("checkExpectation", (request, response) => refuseExpectation(parts, request, response));
  server.on("upgrade", (request, socket, head) =>
    handleUpgrade(parts, tunnels, request, socket as Socket, head),
  );
  server.on("connect", (_request, socket) => refuseTunnel(socket as Socket));
  server.on("clientError", (error, socket) => handleBrokenRequest(parts, error, socket as Socket));

  const speak = server.listeners("connection");
  server.removeAllListeners("connection");
  return Object.assign(server, {
    speakOn(socket: Socket, bytes?: Buffer) {
      for (const one of speak) one.call(server, socket);
      // Handed on as they came: to put them back and have them read again costs more than all the rest of a look.
      if (bytes) socket.emit("data", bytes);
    },
  });
}

/** Node hands the connection over with nobody listening to its errors, and forgets it: its end is ours to see to. */
function refuseTunnel(socket: Socket): void {
  socket.on("error", () => socket.destroy());
  socket.write("HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  socket.destroySoon();
}
