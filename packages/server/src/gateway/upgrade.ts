import { type IncomingMessage, ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { tenantHeaders } from "@tenantry/contract";
import { nowhere } from "./bag.ts";
import { Exchange } from "./exchange.ts";
import { admit, begin } from "./handler.ts";
import { type OpenExchange, refusalNow } from "./open-exchanges.ts";
import type { GatewayParts } from "./parts.ts";
import type { Route } from "./route.ts";
import type { ResponseHead } from "./upstream/response-head.ts";

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
  early: Buffer,
): void {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(client);
  response.on("finish", () => client.destroySoon());
  client.on("error", () => client.destroy());
  const done = begin(parts, request, response);
  // Before 24.9 Node doesn't ask `isUpgrade`, and takes every wish for an upgrade as one.
  const admitted = isUpgrade(request) ? admit(parts, request, response) : undefined;
  const exchange =
    admitted &&
    new Exchange(parts, admitted, (head, upstream) => {
      response.detachSocket(client);
      response.statusCode = head.status;
      client.write(upgradeHead(head, admitted.requestId), "latin1");
      if (early.length > 0) upstream.write(early);
      join(parts, tunnels, admitted.route, client, upstream);
    });
  if (exchange) parts.open.add(exchange);
  client.on("close", () => {
    if (exchange) parts.open.delete(exchange);
    exchange?.closed();
    done();
  });
  if (!isUpgrade(request)) response.writeHead(426, ["Upgrade", "websocket", "Content-Length", "0"]).end();
  exchange?.dispatch();
}

function upgradeHead({ status, passed, upgrade }: ResponseHead, requestId: string): string {
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: Upgrade\r\nUpgrade: ${upgrade ?? "websocket"}\r\n`;
  for (let at = 0; at < passed.length; at += 2) head += `${passed[at]}: ${passed[at + 1]}\r\n`;
  return `${head}${tenantHeaders.requestId}: ${requestId}\r\n\r\n`;
}

/** From here on it is bytes, both ways, until either end is done or breaks. */
function join(
  parts: GatewayParts,
  tunnels: Set<Duplex>,
  route: Route,
  client: Socket,
  upstream: Socket,
): void {
  // A closing frame can't be put between bytes of whose frames we know nothing.
  const tunnel: OpenExchange = { route, isEndless: true, place: nowhere, end: () => client.destroy() };
  client.setTimeout(0);
  client.setNoDelay(true);
  tunnels.add(client);
  parts.open.add(tunnel);
  parts.counters.upgraded += 1;
  client.on("close", () => {
    tunnels.delete(client);
    parts.open.delete(tunnel);
    parts.counters.upgraded -= 1;
    upstream.destroy();
  });
  // The host may have been closed while the upstream made up its mind.
  if (refusalNow(parts.table, route)) client.destroy();
  upstream.on("error", () => upstream.destroy());
  upstream.on("close", () => client.destroySoon());
  upstream.pipe(client);
  client.pipe(upstream);
}
