import {
  constants,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import { failure } from "../../kernel/index.ts";
import { type Bag, createBag, type InBag, nowhere } from "../bag.ts";
import type { Exchange } from "../exchange.ts";
import { handle, refuseExpectation } from "../handler.ts";
import type { GatewayParts } from "../parts.ts";
import { optionsOf, windowBytes } from "./options.ts";
import { Http2Request } from "./request.ts";
import { Http2Response } from "./response.ts";
import { openWebSocket } from "./web-socket.ts";

export type Http2Sessions = {
  /** Speaks HTTP/2 on a connection on which nothing but the preface was said. */
  serve(socket: Socket): void;
  /** Tells all clients to send nothing new here (GOAWAY); connections close once their streams are done. */
  drain(): void;
  /** Cuts all connections. */
  destroy(): void;
};

/** A stream whose answer isn't out yet. */
type Open = InBag & {
  startedAt: number;
  request: Http2Request;
  response: Http2Response;
  exchange: Exchange | undefined;
};

type Session = {
  session: ServerHttp2Session;
  socket: Socket;
  open: Bag<Open>;
  /** Since when there has been no stream; as `performance.now()`. */
  idleSince: number;
  /** Frames of control that clients have little use for. */
  nuisances: number;
};

/** A client that goes on sending a body for which there is an answer already is heard for so long. */
const lingerMs = 1_000;
/** A browser sends its settings once or twice, and a ping now and then. */
const nuisancesAtOnce = 100;

/** The connections that speak HTTP/2: each carries many requests at a time. */
export function createHttp2Sessions(parts: GatewayParts): Http2Sessions {
  const sessions = new Set<Session>();
  const options = optionsOf(parts.limits);
  let sweeper: NodeJS.Timeout | undefined;

  function sweep(): void {
    const now = performance.now();
    for (const one of sessions) tidy(parts, one, now);
  }

  return {
    serve(socket) {
      const session = performServerHandshake(socket, options);
      const one: Session = { session, socket, open: createBag(), idleSince: performance.now(), nuisances: 0 };
      sessions.add(one);
      sweeper ??= setInterval(sweep, sweepEveryMs(parts)).unref();
      session.setLocalWindowSize(windowBytes.connection);
      session.on("stream", (stream, _headers, _flags, raw) => answer(parts, one, stream, raw));
      session.on("remoteSettings", () => countNuisance(one));
      session.on("ping", () => countNuisance(one));
      // A client that breaks the protocol, or is gone: the connection is closed by now, which is all there is to do.
      session.on("error", (error) => parts.log.debug({ error: error.message }, "gateway.http2_failed"));
      session.on("close", () => {
        sessions.delete(one);
        if (sessions.size > 0) return;
        clearInterval(sweeper);
        sweeper = undefined;
      });
      if (parts.closing) session.close();
    },
    drain() {
      for (const { session } of sessions) session.close();
    },
    destroy() {
      for (const { session, socket } of sessions) {
        session.destroy();
        socket.destroy();
      }
    },
  };
}

function answer(parts: GatewayParts, session: Session, stream: ServerHttp2Stream, raw: string[]): void {
  const request = new Http2Request(stream, raw, session.socket);
  const response = new Http2Response(stream, request.method);
  const one: Open = {
    startedAt: performance.now(),
    request,
    response,
    exchange: undefined,
    place: nowhere,
  };
  session.open.add(one);
  response.on("finish", () => partFrom(one, stream));
  response.on("close", () => {
    session.open.delete(one);
    if (session.open.size === 0) session.idleSince = performance.now();
  });
  const { expect } = request.headers;
  if (request.webSocketKey !== undefined) one.exchange = openWebSocket(parts, request, response);
  else if (expect === undefined) one.exchange = handle(parts, request, response);
  else if (expect.toLowerCase() === "100-continue") one.exchange = handle(parts, request, response, true);
  else refuseExpectation(parts, request, response);
}

/** The answer is out: what the client still sends isn't wanted any more (RFC 9113 §8.1), after a moment's patience. */
function partFrom({ request, response }: Open, stream: ServerHttp2Stream): void {
  if (request.complete || !response.writableEnded) return;
  const timer = setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), lingerMs);
  stream.on("close", () => clearTimeout(timer));
}

function countNuisance(one: Session): void {
  one.nuisances += 1;
  if (one.nuisances <= nuisancesAtOnce || one.session.destroyed) return;
  one.session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  one.session.destroy();
}

/** Ends what has taken too long: idle connections, requests that don't arrive, answers that nobody takes. */
function tidy({ limits }: GatewayParts, one: Session, now: number): void {
  one.nuisances = 0;
  if (one.open.size === 0) {
    const idleMs = now - one.idleSince;
    if (idleMs > limits.keepAliveTimeoutMs) one.session.close();
    // It was told to go, and stays.
    if (idleMs > 2 * limits.keepAliveTimeoutMs) one.socket.destroy();
  }
  for (const { startedAt, request, response, exchange } of one.open) {
    const { endedAt } = response;
    if (endedAt !== undefined && now - endedAt > limits.unreadTimeoutMs) response.destroy();
    else if (!request.complete && now - startedAt > limits.requestTimeoutMs)
      exchange?.end(failure("timed_out"));
  }
}

function sweepEveryMs({ limits }: GatewayParts): number {
  const { headersTimeoutMs, requestTimeoutMs, keepAliveTimeoutMs, unreadTimeoutMs } = limits;
  return Math.min(
    Math.min(headersTimeoutMs, requestTimeoutMs, keepAliveTimeoutMs, unreadTimeoutMs) / 4,
    5_000,
  );
}
