import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { type ErrorCode, tenantHeaders } from "@tenantry/contract";
import type { Dispatcher } from "undici";
import { type ErrorDetails, failure } from "../kernel/index.ts";
import type { GatewayParts } from "./parts.ts";
import { sendRefusal } from "./refusal.ts";
import { RequestBody } from "./request-body.ts";
import type { RequestHeaders } from "./request-headers.ts";
import { passedResponseHeaders, trailersOf } from "./response-headers.ts";
import type { Route, Upstream } from "./route.ts";
import { classify } from "./upstream-errors.ts";
import type { UpstreamAddress } from "./upstream-pools.ts";

/** One request on its way to the upstream, and the answer on its way back. */
export type ExchangeRequest = {
  request: IncomingMessage;
  response: ServerResponse;
  headers: RequestHeaders;
  path: string;
  route: Route;
  upstream: Upstream;
  requestId: string;
  /** Takes over when the upstream agrees to an upgrade; undefined for ordinary requests. */
  upgraded?: (statusCode: number, headers: IncomingHttpHeaders, upstream: Duplex) => void;
};

const idempotent = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/**
 * The handler that undici drives. A class, as one is made for every request, and its methods are called for every
 * piece of the answer.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #parts: GatewayParts;
  readonly #this: ExchangeRequest;
  readonly #response: ServerResponse;
  #address: UpstreamAddress | undefined;
  #tried: UpstreamAddress[] = [];
  #controller: Dispatcher.DispatchController | undefined;
  #body: RequestBody | undefined;
  #queueTimer: NodeJS.Timeout | undefined;
  #began = false;
  #repeated = false;
  #listensForDrain = false;
  /** Set when there is no use in an answer from the upstream any more. */
  #over = false;

  constructor(parts: GatewayParts, exchange: ExchangeRequest) {
    this.#parts = parts;
    this.#this = exchange;
    this.#response = exchange.response;
    exchange.response.on("close", () => this.#closed());
  }

  /** Sends the request to the address that is best off. */
  dispatch(): void {
    const { request, headers, upstream, path } = this.#this;
    const address = this.#parts.pools.choose(upstream, this.#tried);
    if (address === undefined) {
      this.refuse(this.#tried.length === 0 ? "no_upstream" : "upstream_unreachable", {
        retryAfterSeconds: 5,
      });
      return;
    }
    const { limits } = this.#parts;
    if (address.inFlight >= limits.upstreamConnections) {
      if (address.inFlight >= limits.upstreamConnections + limits.upstreamPending) {
        this.refuse("busy", { retryAfterSeconds: 1 });
        return;
      }
      this.#queueTimer = setTimeout(() => this.#waitedTooLong(), limits.upstreamQueueTimeoutMs);
    }
    this.#address = address;
    this.#controller = undefined;
    address.inFlight += 1;
    const hasBody = headers.chunked || headers.contentLength > 0;
    if (hasBody) {
      this.#body = new RequestBody(request, limits.maxBodyBytes, () => this.#bodyTooLarge());
    }
    address.pool.dispatch(
      {
        path: address.pathPrefix === "" ? path : address.pathPrefix + path,
        method: request.method as Dispatcher.HttpMethod,
        headers: headers.passed,
        // undici takes whatever has a stream's methods.
        body: (this.#body as unknown as Dispatcher.DispatchOptions["body"]) ?? null,
        upgrade: this.#this.upgraded ? headers.upgrade : null,
        servername: address.servername,
      } as Dispatcher.DispatchOptions,
      this,
    );
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    clearTimeout(this.#queueTimer);
    // Thrown, not aborted: an abort would destroy the connection that nothing was sent on yet.
    if (this.#over) throw new Error("The client left while its request waited.");
    this.#controller = controller;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    statusCode: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (statusCode < 200) {
      this.#passInterim(statusCode, headers);
      return;
    }
    this.#began = true;
    const { request, requestId } = this.#this;
    const hasLength = headers["content-length"] !== undefined && statusCode !== 204;
    const bodiless = statusCode === 204 || statusCode === 304 || request.method === "HEAD";
    const passed = passedResponseHeaders(headers, {
      contentLength: hasLength,
      trailer: !hasLength && !bodiless && request.httpVersionMinor === 1,
    });
    passed.push(tenantHeaders.requestId, requestId);
    if (this.#parts.closing) passed.push("Connection", "close");
    this.#response.writeHead(statusCode, passed);
    // What the upstream sent along with its head goes out with it; otherwise the head goes alone, and now.
    process.nextTick(flushHead, this.#response);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const response = this.#response;
    this.#parts.counters.bytesSent += chunk.length;
    if (response.write(chunk)) return;
    controller.pause();
    if (this.#listensForDrain) return;
    this.#listensForDrain = true;
    response.on("drain", () => this.#controller?.resume());
  }

  onResponseEnd(_controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    this.#release();
    const passed = trailersOf(trailers);
    if (passed !== undefined) this.#response.addTrailers(passed);
    this.#response.end();
  }

  onRequestUpgrade(
    _controller: Dispatcher.DispatchController,
    statusCode: number,
    headers: IncomingHttpHeaders,
    socket: Duplex,
  ): void {
    this.#began = true;
    this.#release();
    this.#this.upgraded?.(statusCode, headers, socket);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#release();
    if (this.#over) return;
    if (this.#began) {
      // The status is out already: a cut connection is the only honest sign that the rest is missing.
      this.#logFailure(error, "gateway.answer_broken");
      this.#response.destroy();
      return;
    }
    const verdict = classify(error, this.#controller !== undefined);
    if (verdict.unreached) {
      this.#parts.pools.rest(this.#address!);
      this.#tried.push(this.#address!);
      if (this.#hasAnother()) {
        this.#retry();
        return;
      }
    } else if (verdict.stale && this.#mayRepeat()) {
      this.#repeated = true;
      this.#retry();
      return;
    }
    this.#logFailure(error, "gateway.upstream_failed");
    this.refuse(verdict.code, verdict.details);
  }

  /** Answers in the upstream's place. */
  refuse(code: ErrorCode, details: ErrorDetails = {}): void {
    const { request, requestId, headers, route } = this.#this;
    this.#over = true;
    sendRefusal(this.#parts, request, this.#response, {
      error: failure(code, details),
      requestId,
      accept: headers.accept,
      route,
    });
  }

  #hasAnother(): boolean {
    return this.#parts.pools.choose(this.#this.upstream, this.#tried) !== undefined;
  }

  /** RFC 9110 §9.2.2: only what has the same effect twice may be sent twice by a proxy. */
  #mayRepeat(): boolean {
    return !this.#repeated && this.#body === undefined && idempotent.has(this.#this.request.method ?? "");
  }

  #retry(): void {
    this.#parts.counters.retries += 1;
    this.dispatch();
  }

  #release(): void {
    clearTimeout(this.#queueTimer);
    this.#address!.inFlight -= 1;
    if (this.#body) this.#parts.counters.bytesReceived += this.#body.received;
  }

  #closed(): void {
    if (this.#response.writableFinished || this.#over) return;
    this.#over = true;
    this.#parts.counters.abandoned += 1;
    this.#controller?.abort(new Error("The client left."));
  }

  #waitedTooLong(): void {
    if (this.#controller === undefined && !this.#over) this.refuse("busy", { retryAfterSeconds: 1 });
  }

  #bodyTooLarge(): void {
    if (this.#began || this.#over) this.#response.destroy();
    else this.refuse("payload_too_large", tooLargeDetails(this.#parts.limits.maxBodyBytes));
    this.#controller?.abort(new Error("The request's body is too large."));
  }

  #passInterim(statusCode: number, headers: IncomingHttpHeaders): void {
    if (statusCode !== 103 || headers.link === undefined || this.#this.request.httpVersionMinor !== 1) return;
    this.#response.writeEarlyHints({ link: headers.link });
  }

  #logFailure(error: Error, event: string): void {
    const { requestId, route } = this.#this;
    this.#parts.log.warn(
      {
        requestId,
        hostname: route.hostname,
        upstream: this.#address?.origin,
        code: (error as NodeJS.ErrnoException).code,
        error: error.message,
      },
      event,
    );
  }
}

export function tooLargeDetails(maxBodyBytes: number): ErrorDetails {
  return { detail: `A request's body may have ${maxBodyBytes} bytes at most.` };
}

function flushHead(response: ServerResponse): void {
  if (!response.writableEnded && !response.destroyed) response.flushHeaders();
}
