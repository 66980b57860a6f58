import { createHash } from "node:crypto";
import type { ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { tenantHeaders } from "@tenantry/contract";
import { failure } from "../../kernel/index.ts";
import { nowhere } from "../bag.ts";
import { Exchange } from "../exchange.ts";
import { admit, begin } from "../handler.ts";
import { type OpenExchange, refusalNow } from "../open-exchanges.ts";
import type { GatewayParts } from "../parts.ts";
import { sendRefusal } from "../refusal.ts";
import type { Route } from "../route.ts";
import { refusalFor } from "../upstream/failures.ts";
import type { ResponseHead } from "../upstream/response-head.ts";
import type { Http2Request } from "./request.ts";
import type { Http2Response } from "./response.ts";

/**
 * Passes a WebSocket that a stream asked for (RFC 8441) on as HTTP/1.1 does it: the application knows no difference. Its
 * proof that it took the wish for what it is stays here, since a stream has no use for it.
 */
export function openWebSocket(
  parts: GatewayParts,
  request: Http2Request,
  response: Http2Response,
): Exchange | undefined {
  const done = begin(parts, request, response);
  const admitted = admit(parts, request, response);
  const exchange =
    admitted &&
    new Exchange(parts, admitted, (head, upstream) => {
      const { route, requestId, headers } = admitted;
      const passed = withoutProof(head, request.webSocketKey!);
      if (passed === undefined) {
        upstream.destroy();
        const { code, details } = refusalFor("broken_answer");
        const refusal = { error: failure(code, details), requestId, accept: headers.accept, route };
        sendRefusal(parts, request, response, refusal);
        return;
      }
      request.isTunnel = true;
      join(parts, route, response.open(200, [...passed, tenantHeaders.requestId, requestId]), upstream);
    });
  if (exchange) parts.open.add(exchange);
  response.on("close", () => {
    if (exchange) parts.open.delete(exchange);
    exchange?.closed();
    done();
  });
  exchange?.dispatch();
  return exchange;
}

/** The application's headers; undefined when it agreed to something else, or to nobody's wish (RFC 6455 §4.1). */
function withoutProof({ passed, upgrade }: ResponseHead, key: string): string[] | undefined {
  const proof = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  const others: string[] = [];
  let isProven = false;
  for (let at = 0; at < passed.length; at += 2) {
    if (passed[at]!.toLowerCase() !== "sec-websocket-accept") others.push(passed[at]!, passed[at + 1]!);
    else isProven = passed[at + 1]!.trim() === proof;
  }
  return isProven && upgrade?.toLowerCase() === "websocket" ? others : undefined;
}

/** From here on it is bytes, both ways, until either end is done or breaks. */
function join(parts: GatewayParts, route: Route, client: ServerHttp2Stream, upstream: Socket): void {
  const tunnel: OpenExchange = { route, isEndless: true, place: nowhere, end: () => client.destroy() };
  parts.open.add(tunnel);
  parts.counters.upgraded += 1;
  const close = () => {
    parts.open.delete(tunnel);
    parts.counters.upgraded -= 1;
    upstream.destroy();
  };
  if (client.destroyed) close();
  else client.on("close", close);
  // The host may have been closed while the upstream made up its mind.
  if (refusalNow(parts.table, route)) client.destroy();
  upstream.on("error", () => upstream.destroy());
  upstream.on("close", () => client.end(() => client.close()));
  upstream.pipe(client);
  client.pipe(upstream);
}
