import { type IncomingMessage, ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { tenantHeaders } from "@tenantry/contract";
import { Exchange } from "./exchange.ts";
import { admit } from "./handler.ts";
import type { GatewayParts } from "./parts.ts";
import { passedResponseHeaders } from "./response-headers.ts";

/**
 * Only WebSocket is passed on. Other protocols (h2c above all) would tunnel requests past the gateway; RFC 9110 §7.8
 * lets a server ignore the wish, and answer as if it hadn't been made.
 */
export function isUpgrade(request: IncomingMessage): boolean {
  const { upgrade, "content-length": length, "transfer-encoding": coding } = request.headers;
  return (
    request.method === "GET" &&
    upgrade?.toLowerCase() === "websocket" &&
    coding === undefined &&
    Number(length ?? 0) === 0
  );
}

/** Passes an upgrade on; `tunnels` holds the client's end of each connection that came of it. */
export function handleUpgrade(
  parts: GatewayParts,
  tunnels: Set<Duplex>,
  request: IncomingMessage,
  client: Socket,
  head: Buffer,
): void {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(client);
  response.on("finish", () => client.destroySoon());
  client.on("error", () => client.destroy());
  const admitted = admit(parts, request, response);
  if (!admitted) return;
  new Exchange(parts, {
    ...admitted,
    upgraded(statusCode, headers, upstream) {
      response.detachSocket(client);
      const passed = passedResponseHeaders(headers, { contentLength: false, trailer: false });
      passed.push(
        "Connection",
        "Upgrade",
        "Upgrade",
        "websocket",
        tenantHeaders.requestId,
        admitted.requestId,
      );
      client.write(headOf(statusCode, passed), "latin1");
      if (head.length > 0) upstream.write(head);
      join(parts, tunnels, client, upstream);
    },
  }).dispatch();
}

/** From here on it is bytes, both ways, until either end is done or breaks. */
function join(parts: GatewayParts, tunnels: Set<Duplex>, client: Socket, upstream: Duplex): void {
  client.setTimeout(0);
  client.setNoDelay(true);
  tunnels.add(client);
  parts.counters.upgraded += 1;
  client.on("close", () => {
    tunnels.delete(client);
    parts.counters.upgraded -= 1;
    upstream.destroy();
  });
  upstream.on("error", () => upstream.destroy());
  upstream.on("close", () => client.destroySoon());
  upstream.pipe(client);
  client.pipe(upstream);
}

function headOf(statusCode: number, headers: readonly string[]): string {
  let head = `HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode] ?? ""}\r\n`;
  for (let at = 0; at < headers.length; at += 2) head += `${headers[at]}: ${headers[at + 1]}\r\n`;
  return `${head}\r\n`;
}
