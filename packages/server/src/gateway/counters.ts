import type { ErrorCode } from "@tenantry/contract";

/** What a gateway has done since it started. */
export type GatewayStats = {
  /** Requests answered, by the first digit of the status: `responses[2]` are the 2xx. */
  responses: number[];
  /** Answers of the gateway itself, by code. */
  refusals: Partial<Record<ErrorCode, number>>;
  /** Requests whose client left before the answer was complete. */
  abandoned: number;
  /** Requests sent to an upstream once more, after the first try failed. */
  retries: number;
  /** Requests under way now. */
  active: number;
  /** Upgraded connections (WebSocket) open now. */
  upgraded: number;
  bytesReceived: number;
  bytesSent: number;
};

export type Counters = GatewayStats;

export function createCounters(): Counters {
  return {
    responses: [0, 0, 0, 0, 0, 0],
    refusals: {},
    abandoned: 0,
    retries: 0,
    active: 0,
    upgraded: 0,
    bytesReceived: 0,
    bytesSent: 0,
  };
}
