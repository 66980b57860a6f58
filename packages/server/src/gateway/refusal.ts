import type { IncomingMessage } from "node:http";
import { tenantHeaders } from "@tenantry/contract";
import { problemOf, problemType } from "../infra/http/problem.ts";
import type { TenantryError } from "../kernel/index.ts";
import type { ClientRequest, ClientResponse } from "./client.ts";
import { Http2Request } from "./http2/request.ts";
import { pageHeaders, renderPage } from "./pages.ts";
import type { GatewayParts } from "./parts.ts";
import type { Route } from "./route.ts";

/** What the gateway itself has to say instead of the application. */
export type Refusal = {
  error: TenantryError;
  requestId: string;
  /** As the client sent it: people get a page, programs a problem document. */
  accept: string;
  route?: Route | undefined;
  /** The connection is of no further use, since where the next request begins can't be told. */
  close?: boolean;
};

/** An unread body up to this size is read to its end, to keep the connection; from a larger one we part. */
const drainedBytes = 64 * 1024;
/** So long a client may go on sending before it is cut off; it has the answer by then. */
const lingerMs = 1_000;

/** Answers with a refusal, as HTML or problem+json; never cached, without a body for HEAD. */
export function sendRefusal(
  parts: GatewayParts,
  request: ClientRequest,
  response: ClientResponse,
  refusal: Refusal,
): void {
  const { error, requestId } = refusal;
  const asPage = refusal.accept.includes("text/html");
  const text = asPage
    ? renderPage(error, refusal.route, requestId)
    : JSON.stringify(problemOf(error, requestId));
  const body = Buffer.from(text);
  const unread = bodyToLingerFor(request);
  const headers = [
    ...(asPage ? pageHeaders : ["Content-Type", problemType]),
    "Content-Length",
    String(body.length),
    "Cache-Control",
    "no-store",
    tenantHeaders.requestId,
    requestId,
  ];
  const { retryAfterSeconds } = error.details;
  if (retryAfterSeconds !== undefined) headers.push("Retry-After", String(Math.ceil(retryAfterSeconds)));
  if (error.status === 405) headers.push("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  const close = refusal.close || unread !== undefined || parts.closing;
  if (close) headers.push("Connection", "close");
  parts.counters.refusals[error.code] = (parts.counters.refusals[error.code] ?? 0) + 1;

  response.writeHead(error.status, headers);
  const content = request.method === "HEAD" ? undefined : body;
  if (unread !== undefined) {
    endAfterLingering(unread, response, content);
    return;
  }
  if (!(request instanceof Http2Request)) request.resume();
  response.end(content);
}

/** The request, when its connection has to go since too much of its body is still to come. A stream ends by itself. */
function bodyToLingerFor(request: ClientRequest): IncomingMessage | undefined {
  if (request instanceof Http2Request || request.complete) return undefined;
  const { "transfer-encoding": coding, "content-length": length } = request.headers;
  return coding !== undefined || Number(length ?? 0) > drainedBytes ? request : undefined;
}

/**
 * Sends the answer, but keeps reading for a moment before the connection is closed: closing it with bytes unread
 * makes the kernel reset it, and a client that is still sending would lose the answer.
 */
function endAfterLingering(
  request: IncomingMessage,
  response: ClientResponse,
  content: Buffer | undefined,
): void {
  if (content) response.write(content);
  else response.flushHeaders();
  const end = (): void => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, lingerMs);
  request.once("end", end).once("close", end).resume();
}
