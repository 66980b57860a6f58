/** What the gateway bears. Times in milliseconds, sizes in bytes. */
export type GatewayLimits = {
  /**
   * Connections from clients, per listening address; further ones are closed at once. One network (an address of IPv4, a
   * /64 of IPv6) has three quarters of them at most, unless it is a trusted proxy.
   */
  maxConnections: number;
  /** A request's line and headers together: more is answered 431. */
  maxHeaderBytes: number;
  /** A request's body: more is answered 413. */
  maxBodyBytes: number;
  /** A client has this long to send its headers, and `requestTimeoutMs` to send the whole request: then 408. */
  headersTimeoutMs: number;
  requestTimeoutMs: number;
  /** An idle connection of a client is closed after this long. */
  keepAliveTimeoutMs: number;
  /** Connections to one address of an upstream. One environment has three quarters of them at most. */
  upstreamConnections: number;
  /** Requests that may wait for one of these connections: a further one is answered 503. Shared out in the same way. */
  upstreamPending: number;
  /** How long a request waits for a connection: then 503. */
  upstreamQueueTimeoutMs: number;
  upstreamConnectTimeoutMs: number;
  /** How long an upstream may take to begin its answer: then 504. */
  upstreamHeadersTimeoutMs: number;
  /** How long an answer may pause between two pieces; then it is cut off. */
  upstreamIdleTimeoutMs: number;
  /** How long a client may leave an answer unread before it is cut off. */
  unreadTimeoutMs: number;
  /**
   * How long an answer that had begun may go on after its host was suspended, closed or deleted. WebSockets and event
   * streams end at once.
   */
  lapsedGraceMs: number;
  /** An address of an upstream that couldn't be reached is avoided for this long while there is another. */
  upstreamRestMs: number;
};

export const defaultLimits: GatewayLimits = {
  maxConnections: 20_000,
  maxHeaderBytes: 32 * 1024,
  maxBodyBytes: 1024 * 1024 * 1024,
  headersTimeoutMs: 15_000,
  requestTimeoutMs: 600_000,
  keepAliveTimeoutMs: 65_000,
  upstreamConnections: 256,
  upstreamPending: 1_024,
  upstreamQueueTimeoutMs: 10_000,
  upstreamConnectTimeoutMs: 5_000,
  upstreamHeadersTimeoutMs: 60_000,
  upstreamIdleTimeoutMs: 600_000,
  unreadTimeoutMs: 120_000,
  lapsedGraceMs: 10_000,
  upstreamRestMs: 2_000,
};
