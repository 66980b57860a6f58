import type { GatewayLimits } from "../limits.ts";
import {
  type ConnectionOwner,
  type ConnectionTimes,
  UpstreamConnection,
  type UpstreamRequest,
} from "./connection.ts";
import type { ConnectionTarget } from "./dial.ts";
import { UpstreamFailure } from "./failures.ts";

/** One address of an upstream: its connections, and the requests that wait for one. */
export class UpstreamAddress implements ConnectionOwner {
  readonly origin: string;
  /** What the upstream's URL puts before every path; mostly empty. */
  readonly pathPrefix: string;
  readonly target: ConnectionTarget;
  readonly times: ConnectionTimes;
  readonly #limits: GatewayLimits;
  readonly #open = new Set<UpstreamConnection>();
  readonly #dedicated = new Set<UpstreamConnection>();
  /** The last one used is used first: the others may then be closed for idleness. */
  readonly #idle: UpstreamConnection[] = [];
  readonly #returned: UpstreamConnection[] = [];
  readonly #waiting = new Map<UpstreamRequest, number>();
  #closed = false;
  /** Requests under way or waiting. */
  inFlight = 0;
  /** As `performance.now()`: it couldn't be reached, and is avoided until then while there is another. */
  restsUntil = 0;

  constructor(url: URL, limits: GatewayLimits) {
    const secure = url.protocol === "https:";
    this.origin = url.origin;
    this.pathPrefix = url.pathname.replace(/\/+$/, "");
    this.target = {
      host: url.hostname.replace(/^\[|\]$/g, ""),
      port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
      secure,
    };
    this.times = {
      connectMs: limits.upstreamConnectTimeoutMs,
      headMs: limits.upstreamHeadersTimeoutMs,
      pauseMs: limits.upstreamIdleTimeoutMs,
      unreadMs: limits.unreadTimeoutMs,
    };
    this.#limits = limits;
  }

  /** Sends the request now or when a connection becomes free; false when too many wait already. */
  dispatch(request: UpstreamRequest): boolean {
    const idle = request.upgrade ? undefined : this.#idle.pop();
    if (idle) idle.send(request);
    else if (request.upgrade || this.#open.size < this.#limits.upstreamConnections) this.#dialFor(request);
    else if (this.#waiting.size >= this.#limits.upstreamPending) return false;
    else this.#waiting.set(request, performance.now() + this.#limits.upstreamQueueTimeoutMs);
    this.inFlight += 1;
    return true;
  }

  /** Gives a request up; its handler isn't told. */
  abort(request: UpstreamRequest): void {
    if (request.carrier) request.carrier.abort(request);
    else if (this.#waiting.delete(request)) this.inFlight -= 1;
  }

  /** Ends what has taken too long. To be called every so often. */
  sweep(now: number): void {
    for (const connection of this.#open) if (connection.deadline < now) connection.expire();
    for (const connection of this.#dedicated) if (connection.deadline < now) connection.expire();
    for (const [request, deadline] of this.#waiting) {
      if (deadline >= now) break;
      this.#waiting.delete(request);
      this.inFlight -= 1;
      request.handler.onFailure(new UpstreamFailure("queue_timeout"), false, false);
    }
  }

  /** Whether nothing is under way any more. */
  get quiet(): boolean {
    return this.#open.size === 0 && this.#dedicated.size === 0 && this.#waiting.size === 0;
  }

  /** Ends idle connections now and the others after their answers; it is to be swept until it is quiet. */
  close(): void {
    this.#closed = true;
    for (const connection of this.#idle.splice(0)) connection.destroy();
  }

  /** Ends all connections, except those that were upgraded: they belong to others. */
  destroy(): void {
    this.#closed = true;
    for (const connection of this.#open) connection.destroy();
  }

  onSettled(): void {
    this.inFlight -= 1;
  }

  onReusable(connection: UpstreamConnection): void {
    // Not before the event loop has polled once more: what the upstream sent unasked for, or its closing of the
    // connection, is then noticed while no request is on it.
    if (this.#returned.push(connection) === 1) setImmediate(() => this.#takeBack());
  }

  onClosed(connection: UpstreamConnection): void {
    if (this.#dedicated.delete(connection)) return;
    this.#open.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at !== -1) this.#idle.splice(at, 1);
    const next = this.#nextWaiting();
    if (next) this.#dialFor(next);
  }

  #dialFor(request: UpstreamRequest): void {
    const connection = new UpstreamConnection(this, request.upgrade);
    (request.upgrade ? this.#dedicated : this.#open).add(connection);
    connection.send(request);
  }

  #takeBack(): void {
    for (const connection of this.#returned.splice(0)) {
      if (connection.destroyed) continue;
      const next = this.#nextWaiting();
      if (next) connection.send(next);
      else if (this.#closed) connection.destroy();
      else this.#idle.push(connection);
    }
  }

  #nextWaiting(): UpstreamRequest | undefined {
    const next = this.#waiting.keys().next().value;
    if (next) this.#waiting.delete(next);
    return next;
  }
}
