import { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { type ErrorCode, tenantHeaders } from "@tenantry/contract";
import { type ErrorDetails, failure, type TenantryError } from "../kernel/index.ts";
import { nowhere } from "./bag.ts";
import { type ClientRequest, type ClientResponse, isModern } from "./client.ts";
import { Http2Request } from "./http2/request.ts";
import type { Http2Response } from "./http2/response.ts";
import type { OpenExchange } from "./open-exchanges.ts";
import type { GatewayParts } from "./parts.ts";
import { sendRefusal } from "./refusal.ts";
import type { RequestHeaders } from "./request-headers.ts";
import { mayClimb } from "./request-target.ts";
import type { Route, Upstream } from "./route.ts";
import type { UpstreamAddress } from "./upstream/address.ts";
import type { ResponseHandler, UpstreamRequest } from "./upstream/connection.ts";
import { refusalFor, type UpstreamFailure } from "./upstream/failures.ts";
import { keepPiece } from "./upstream/kept-pieces.ts";
import { RequestBody } from "./upstream/request-body.ts";
import type { ResponseHead } from "./upstream/response-head.ts";

/** A request that may go to its application. */
export type Admitted = {
  request: ClientRequest;
  response: ClientResponse;
  headers: RequestHeaders;
  path: string;
  route: Route;
  upstream: Upstream;
  requestId: string;
};

/** Takes over when the upstream agrees to an upgrade. */
export type UpgradeTaker = (head: ResponseHead, socket: Socket) => void;

/** RFC 9110 §9.2.2: only what has the same effect twice may be sent twice by a proxy. */
const idempotent = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/** An answer up to this size that arrives in one piece leaves in one piece. */
const singlePieceBytes = 16 * 1024;

/**
 * One request on its way to the upstream, and the answer on its way back. A class, as one is made for every request,
 * and its methods are called for every piece of the answer.
 */
export class Exchange implements ResponseHandler, OpenExchange {
  place = nowhere;
  readonly #parts: GatewayParts;
  readonly #admitted: Admitted;
  readonly #response: ClientResponse;
  readonly #takeUpgrade: UpgradeTaker | undefined;
  #address: UpstreamAddress | undefined;
  #sent: UpstreamRequest | undefined;
  #tried: UpstreamAddress[] = [];
  #head: ResponseHead | undefined;
  #repeated = false;
  #listensForDrain = false;
  /** There is no use in an answer from the upstream any more. */
  #over = false;

  constructor(parts: GatewayParts, admitted: Admitted, takeUpgrade?: UpgradeTaker) {
    this.#parts = parts;
    this.#admitted = admitted;
    this.#response = admitted.response;
    this.#takeUpgrade = takeUpgrade;
  }

  /** Sends the request to the address that is best off. */
  dispatch(): void {
    const { upstream } = this.#admitted;
    const address = this.#parts.pools.choose(upstream, this.#tried);
    if (address === undefined) {
      this.#refuse("no_upstream", { retryAfterSeconds: 5 });
      return;
    }
    if (address.pathPrefix !== "" && mayClimb(this.#admitted.path)) {
      this.#refuse("invalid_http", { detail: "The request's target leads upwards." });
      return;
    }
    this.#address = address;
    this.#sent = this.#requestFor(address);
    if (!address.dispatch(this.#sent)) this.#refuse("busy", { retryAfterSeconds: 1 });
  }

  /** The client's connection closed, or the answer is out. */
  closed(): void {
    if (this.#sent?.body) this.#parts.counters.bytesReceived += this.#sent.body.received;
    if (this.#over || this.#response.writableFinished) return;
    this.#over = true;
    this.#parts.counters.abandoned += 1;
    this.#abort();
  }

  get route(): Route {
    return this.#admitted.route;
  }

  get isEndless(): boolean {
    const passed = this.#head?.passed ?? [];
    const at = passed.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === "content-type");
    return at >= 0 && /^text\/event-stream\b/i.test(passed[at + 1]!);
  }

  /** What has begun is cut, as a cut connection alone says that the rest is missing; what hasn't is refused. */
  end(refusal: TenantryError): void {
    if (this.#over) return;
    this.#over = true;
    this.#abort();
    if (this.#response.headersSent) this.#response.destroy();
    else this.#send(refusal);
  }

  onInterim({ status, passed }: ResponseHead): void {
    if (status !== 103 || !isModern(this.#admitted.request)) return;
    const links: string[] = [];
    for (let at = 0; at < passed.length; at += 2) {
      if (passed[at]!.toLowerCase() === "link") links.push(passed[at + 1]!);
    }
    if (links.length > 0) this.#response.writeEarlyHints({ link: links });
  }

  onHead(head: ResponseHead): void {
    this.#head = head;
  }

  onBody(piece: Buffer, whole: boolean): void {
    const response = this.#response;
    this.#parts.counters.bytesSent += piece.length;
    if (!response.headersSent) this.#writeHead();
    if (whole && piece.length <= singlePieceBytes) {
      // As text of one byte a character it goes out together with the head, by one system call.
      response.end(piece.toString("latin1"), "latin1");
      return;
    }
    if (!(response instanceof ServerResponse)) {
      this.#writeStream(response, piece, whole);
      return;
    }
    const { copy, done } = keepPiece(piece);
    if (whole) {
      response.end(copy, done);
      return;
    }
    if (!response.write(copy, done)) this.#awaitDrain();
  }

  onPause(): void {
    // A head without a body must not wait for it: an event stream may have nothing to say for long.
    if (this.#head === undefined || this.#response.headersSent) return;
    this.#writeHead();
    this.#response.flushHeaders();
  }

  onEnd(trailers: [string, string][]): void {
    const response = this.#response;
    if (!response.headersSent) this.#writeHead();
    if (trailers.length > 0) response.addTrailers(trailers);
    if (!response.writableEnded) response.end();
  }

  onUpgrade(head: ResponseHead, socket: Socket): void {
    this.#over = true;
    this.#takeUpgrade?.(head, socket);
  }

  onFailure(broken: UpstreamFailure, sent: boolean, reused: boolean): void {
    if (this.#over) return;
    if (this.#head !== undefined) {
      // The status is out already: a cut connection is the only honest sign that the rest is missing.
      this.#over = true;
      this.#logFailure(broken, "gateway.answer_broken");
      this.#response.destroy();
      return;
    }
    if (this.#mayRepeat(broken, sent, reused)) {
      this.#parts.counters.retries += 1;
      this.dispatch();
      return;
    }
    this.#logFailure(broken, "gateway.upstream_failed");
    const { code, details } = refusalFor(broken.reason);
    this.#refuse(code, details);
  }

  /** A stream may end while its last pieces are still under way to the client: each needs memory of its own. */
  #writeStream(response: Http2Response, piece: Buffer, whole: boolean): void {
    const copy = Buffer.from(piece);
    if (whole) response.end(copy);
    else if (!response.write(copy)) this.#awaitDrain();
  }

  #awaitDrain(): void {
    const sent = this.#sent!;
    sent.carrier?.pause(sent);
    if (this.#listensForDrain) return;
    this.#listensForDrain = true;
    this.#response.on("drain", () => sent.carrier?.resume(sent));
  }

  #requestFor(address: UpstreamAddress): UpstreamRequest {
    const { request, headers } = this.#admitted;
    const { maxBodyBytes } = this.#parts.limits;
    const hasBody = headers.chunked || headers.contentLength > 0;
    const method = request.method ?? "GET";
    return {
      method,
      head: requestHead(method, address.pathPrefix + this.#admitted.path, headers, this.#takeUpgrade),
      body: hasBody ? new RequestBody(bodyOf(request), maxBodyBytes, () => this.#bodyTooLarge()) : undefined,
      chunked: headers.chunked,
      upgrade: this.#takeUpgrade !== undefined,
      environmentId: this.#admitted.route.environmentId,
      handler: this,
    };
  }

  #writeHead(): void {
    const { status, passed, trailer, length } = this.#head!;
    const { request, requestId } = this.#admitted;
    const isChunked = length < 0 && isModern(request) && request.method !== "HEAD";
    if (trailer !== undefined && isChunked && status !== 304 && status !== 204)
      passed.push("Trailer", trailer);
    passed.push(tenantHeaders.requestId, requestId);
    if (this.#parts.closing) passed.push("Connection", "close");
    this.#response.writeHead(status, passed);
  }

  /** Elsewhere when nothing was sent; once more when a connection that had served before turns out to be closed. */
  #mayRepeat(broken: UpstreamFailure, sent: boolean, reused: boolean): boolean {
    if (broken.reason === "unreached") {
      this.#parts.pools.rest(this.#address!);
      this.#tried.push(this.#address!);
      return this.#parts.pools.choose(this.#admitted.upstream, this.#tried) !== undefined;
    }
    if (!sent || !reused || broken.reason !== "closed" || this.#repeated) return false;
    this.#repeated = true;
    return this.#sent!.body === undefined && idempotent.has(this.#sent!.method);
  }

  #bodyTooLarge(): void {
    this.#abort();
    if (this.#head !== undefined) {
      this.#over = true;
      this.#response.destroy();
    } else if (!this.#over) {
      this.#refuse("payload_too_large", tooLargeDetails(this.#parts.limits.maxBodyBytes));
    }
  }

  #abort(): void {
    if (this.#sent) this.#address?.abort(this.#sent);
  }

  #refuse(code: ErrorCode, details: ErrorDetails = {}): void {
    this.#over = true;
    this.#send(failure(code, details));
  }

  #send(error: TenantryError): void {
    const { request, requestId, headers, route } = this.#admitted;
    sendRefusal(this.#parts, request, this.#response, { error, requestId, accept: headers.accept, route });
  }

  #logFailure(broken: UpstreamFailure, event: string): void {
    const { requestId, route } = this.#admitted;
    const { hostname } = route;
    const { reason, message } = broken;
    const upstream = this.#address?.origin;
    this.#parts.log.warn({ requestId, hostname, upstream, reason, error: message }, event);
  }
}

function bodyOf(request: ClientRequest): Readable {
  return request instanceof Http2Request ? request.body : request;
}

export function tooLargeDetails(maxBodyBytes: number): ErrorDetails {
  return { detail: `A request's body may have ${maxBodyBytes} bytes at most.` };
}

/** Names and values were checked by Node's parser, or are our own: none of them holds a line break. */
function requestHead(
  method: string,
  path: string,
  headers: RequestHeaders,
  takeUpgrade: UpgradeTaker | undefined,
): string {
  const { passed } = headers;
  let head = `${method} ${path} HTTP/1.1\r\nhost: ${headers.host}\r\n`;
  for (let at = 0; at < passed.length; at += 2) head += `${passed[at]}: ${passed[at + 1]}\r\n`;
  if (headers.chunked) head += "transfer-encoding: chunked\r\n";
  else if (headers.hasLength) head += `content-length: ${headers.contentLength}\r\n`;
  if (headers.acceptsTrailers) head += takeUpgrade ? "" : "te: trailers\r\n";
  return `${head}${takeUpgrade ? "connection: Upgrade\r\nupgrade: websocket\r\n" : connectionOf(headers)}\r\n`;
}

function connectionOf(headers: RequestHeaders): string {
  return headers.acceptsTrailers ? "connection: keep-alive, TE\r\n" : "connection: keep-alive\r\n";
}
