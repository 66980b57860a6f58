import { randomUUID } from "node:crypto";
import { tenantHeaders } from "@tenantry/contract";
import { failure, isCanarySlug, type TenantryError } from "../kernel/index.ts";
import { echoOf } from "./canary.ts";
import type { ClientRequest, ClientResponse } from "./client.ts";
import { type Admitted, Exchange, tooLargeDetails } from "./exchange.ts";
import { Http2Request } from "./http2/request.ts";
import type { GatewayParts } from "./parts.ts";
import { sendRefusal } from "./refusal.ts";
import { loopToken, type RequestHeaders, readRequestHeaders } from "./request-headers.ts";
import { parseTarget } from "./request-target.ts";
import type { Route } from "./route.ts";
import { isExpired, refusalOf, unknownHost } from "./verdict.ts";

/** Passes a request to the application of its host, or says why not; `expectant` clients wait for leave to go on. */
export function handle(
  parts: GatewayParts,
  request: ClientRequest,
  response: ClientResponse,
  expectant = false,
): Exchange | undefined {
  const done = begin(parts, request, response);
  const admitted = admit(parts, request, response);
  const exchange = admitted && new Exchange(parts, admitted);
  if (exchange) parts.open.add(exchange);
  response.on("close", () => {
    if (exchange) parts.open.delete(exchange);
    exchange?.closed();
    done();
  });
  if (expectant && exchange) response.writeContinue();
  exchange?.dispatch();
  return exchange;
}

/** The only expectation there is (RFC 9110 §10.1.1) is that of leave to go on. */
export function refuseExpectation(
  parts: GatewayParts,
  request: ClientRequest,
  response: ClientResponse,
): void {
  const { accept = "" } = request.headers;
  const error = failure("expectation_failed");
  sendRefusal(parts, request, response, { error, requestId: randomUUID(), accept, close: true });
}

const mostHops = 2;

const readyPath = "/_tenantry/ready";
const healthPath = "/_tenantry/health";
/** What the gateway answers itself, under every host. */
export const reservedPaths: readonly string[] = [readyPath, healthPath];

/** Decides in this order: form, host, reserved paths, status, redirect, size, canaries, upstream. */
export function admit(
  parts: GatewayParts,
  request: ClientRequest,
  response: ClientResponse,
): Admitted | undefined {
  const requestId = randomUUID();
  const headers = readRequestHeaders(request.rawHeaders);
  const path = headers.mistake === undefined ? parseTarget(request.url ?? "", headers.hostname) : undefined;
  const route = path === undefined ? undefined : findRoute(parts, headers.hostname);
  const refuse = (error: TenantryError, close = false): undefined => {
    sendRefusal(parts, request, response, { error, requestId, accept: headers.accept, route, close });
  };

  if (request instanceof Http2Request && request.headerBytes > parts.limits.maxHeaderBytes) {
    return refuse(failure("headers_too_large"));
  }
  const mistake = mistakeOf(request, headers, path);
  if (mistake !== undefined) return refuse(failure("invalid_http", { detail: mistake }), true);
  if (request.method === "TRACE" || request.method === "CONNECT")
    return refuse(failure("method_not_allowed"));
  if (path === readyPath) {
    if (!isReady(parts)) return refuse(failure("unavailable", { retryAfterSeconds: 2 }));
    sendJson(parts, response, { status: "ready" }, requestId);
    return undefined;
  }
  const peer = parts.addresses.of(request.socket);
  // A browser may take a connection for any host that the certificate names, and ours name one (RFC 9113 §9.1.1).
  if (peer.securedFor !== undefined && peer.securedFor !== headers.hostname) {
    return refuse(failure("misdirected_request"));
  }
  if (route === undefined) return refuse(noRoute(parts, headers.hostname));
  if (path!.startsWith("/_tenantry/") || path === "/_tenantry") {
    if (path !== healthPath) return refuse(failure("not_found"));
    sendHealth(parts, response, route, requestId);
    return undefined;
  }
  const refusal = refusalOf(route);
  if (refusal) return refuse(refusal);
  // One gateway may stand behind another; an upstream that leads back to us would go round for ever.
  if (headers.hops >= mostHops) return refuse(failure("loop_detected"));
  const scheme = parts.addresses.scheme(peer, headers);
  if (route.redirectTo !== null) {
    const port = /:\d+$/.exec(headers.host)?.[0] ?? "";
    redirect(parts, response, `${scheme}://${route.redirectTo}${port}${path}`, requestId);
    return undefined;
  }
  if (headers.contentLength > parts.limits.maxBodyBytes) {
    return refuse(failure("payload_too_large", tooLargeDetails(parts.limits.maxBodyBytes)));
  }
  if (isCanarySlug(route.tenantSlug)) {
    addOurs(parts, headers, route, requestId);
    sendJson(parts, response, echoOf(headers.passed), requestId);
    return undefined;
  }
  const upstream = route.upstreamId === null ? undefined : parts.table.upstream(route.upstreamId);
  if (upstream === undefined) return refuse(failure("no_upstream", { retryAfterSeconds: 5 }));
  addOurs(parts, headers, route, requestId);
  parts.addresses.addForwarded(headers.passed, peer, headers, scheme);
  return { request, response, headers, path: path!, route, upstream, requestId };
}

function mistakeOf(
  request: ClientRequest,
  headers: RequestHeaders,
  path: string | undefined,
): string | undefined {
  if (request instanceof Http2Request) return request.mistake ?? headers.mistake ?? targetMistake(path);
  // Node's parser lets a request line without a version pass as HTTP/0.9, and one of HTTP/2.0 as well.
  if (request.httpVersionMajor !== 1) return "Only HTTP/1.0 and HTTP/1.1 are spoken here.";
  if (headers.mistake !== undefined) return headers.mistake;
  if (headers.chunked && request.httpVersionMinor === 0) return "HTTP/1.0 knows no Transfer-Encoding.";
  return targetMistake(path);
}

function targetMistake(path: string | undefined): string | undefined {
  return path === undefined ? "The request's target is no path on this host." : undefined;
}

function findRoute(parts: GatewayParts, hostname: string): Route | undefined {
  const route = parts.table.find(hostname);
  return route !== undefined && isExpired(route) ? undefined : route;
}

/** For whatever spreads requests over gateways: answered under any name, before it is known who that is. */
function isReady(parts: GatewayParts): boolean {
  return !parts.closing && !parts.isDraining() && parts.table.version() >= 0;
}

function noRoute(parts: GatewayParts, hostname: string): TenantryError {
  // Before the first load there is no telling which hosts there are.
  if (parts.table.version() < 0) return failure("unavailable", { retryAfterSeconds: 2 });
  return unknownHost(hostname);
}

function addOurs(parts: GatewayParts, headers: RequestHeaders, route: Route, requestId: string): void {
  const { passed } = headers;
  parts.identities.add(passed, route);
  passed.push(tenantHeaders.requestId, requestId, "CDN-Loop", loopToken);
}

function sendHealth(parts: GatewayParts, response: ClientResponse, route: Route, requestId: string): void {
  const { hostname, status, progress, environmentName, redirectTo } = route;
  const health = { hostname, status, progress, environment: environmentName, redirectTo };
  sendJson(parts, response, health, requestId);
}

function sendJson(parts: GatewayParts, response: ClientResponse, content: object, requestId: string): void {
  const body = JSON.stringify(content);
  const headers = ["Content-Type", "application/json", "Content-Length", String(Buffer.byteLength(body))];
  headers.push("Cache-Control", "no-store", tenantHeaders.requestId, requestId);
  if (parts.closing) headers.push("Connection", "close");
  response.writeHead(200, headers).end(body);
}

function redirect(parts: GatewayParts, response: ClientResponse, location: string, requestId: string): void {
  const headers = ["Location", location, "Content-Length", "0", "Cache-Control", "no-store"];
  headers.push(tenantHeaders.requestId, requestId);
  if (parts.closing) headers.push("Connection", "close");
  response.writeHead(308, headers).end();
}

/** Counts a request; what it returns is to be called when the request is over. */
export function begin(parts: GatewayParts, request: ClientRequest, response: ClientResponse): () => void {
  const { counters, log } = parts;
  const startedAt = performance.now();
  counters.active += 1;
  return () => {
    counters.active -= 1;
    const digit = Math.floor(response.statusCode / 100);
    counters.responses[digit] = (counters.responses[digit] ?? 0) + 1;
    if (!log.isLevelEnabled("debug")) return;
    const tookMs = Math.round((performance.now() - startedAt) * 100) / 100;
    const { method, headers } = request;
    // What follows may be a secret: the token of a link that was mailed, a signature.
    const path = request.url?.split("?", 1)[0];
    log.debug({ method, host: headers.host, path, status: response.statusCode, tookMs }, "gateway.request");
  };
}
