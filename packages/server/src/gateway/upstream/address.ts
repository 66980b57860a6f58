import { Shares } from "../../kernel/index.ts";
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
  /** Of the connections, and of the places to wait for one. */
  readonly #inUse: Shares;
  readonly #queued: Shares;
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
    this.#inUse = new Shares(limits.upstreamConnections);
    this.#queued = new Shares(limits.upstreamPending);
  }

  /** Sends the request now or when a connection becomes free; false when too many wait already. */
  dispatch(request: UpstreamRequest): boolean {
    if (request.upgrade) this.#dialFor(request);
    else if (this.#hasRoom() && this.#inUse.mayTake(request.environmentId)) this.#start(request);
    else if (this.#queued.mayTake(request.environmentId)) this.#enqueue(request);
    else return false;
    this.inFlight += 1;
    return true;
  }

  /** Gives a request up; its handler isn't told. */
  abort(request: UpstreamRequest): void {
    if (request.carrier) request.carrier.abort(request);
    else if (this.#unqueue(request)) this.inFlight -= 1;
  }

  /** Ends what has taken too long. To be called every so often. */
  sweep(now: number): void {
    for (const connection of this.#open) if (connection.deadline < now) connection.expire();
    for (const connection of this.#dedicated) if (connection.deadline < now) connection.expire();
    for (const [request, deadline] of this.#waiting) {
      if (deadline >= now) break;
      this.#unqueue(request);
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

  onSettled({ upgrade, environmentId }: UpstreamRequest): void {
    this.inFlight -= 1;
    if (!upgrade) this.#inUse.giveBack(environmentId);
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
    this.#serveWaiting();
  }

  #hasRoom(): boolean {
    return this.#idle.length > 0 || this.#open.size < this.#limits.upstreamConnections;
  }

  /** On a connection of those that all share; there has to be room. */
  #start(request: UpstreamRequest): void {
    this.#inUse.take(request.environmentId);
    const idle = this.#idle.pop();
    if (idle) idle.send(request);
    else this.#dialFor(request);
  }

  #dialFor(request: UpstreamRequest): void {
    const connection = new UpstreamConnection(this, request.upgrade);
    (request.upgrade ? this.#dedicated : this.#open).add(connection);
    connection.send(request);
  }

  #takeBack(): void {
    for (const connection of this.#returned.splice(0)) if (!connection.destroyed) this.#idle.push(connection);
    this.#serveWaiting();
    if (this.#closed) for (const connection of this.#idle.splice(0)) connection.destroy();
  }

  /** Whoever came first goes first, of those who may have one more. */
  #serveWaiting(): void {
    if (this.#waiting.size === 0) return;
    for (const request of this.#waiting.keys()) {
      if (!this.#hasRoom()) return;
      if (!this.#inUse.mayTake(request.environmentId)) continue;
      this.#unqueue(request);
      this.#start(request);
    }
  }

  #enqueue(request: UpstreamRequest): void {
    this.#queued.take(request.environmentId);
    this.#waiting.set(request, performance.now() + this.#limits.upstreamQueueTimeoutMs);
  }

  #unqueue(request: UpstreamRequest): boolean {
    const waited = this.#waiting.delete(request);
    if (waited) this.#queued.giveBack(request.environmentId);
    return waited;
  }
}
