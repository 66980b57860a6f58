import type { ErrorCode } from "@tenantry/contract";
import type { ErrorDetails } from "../../kernel/index.ts";

export type FailureReason =
  /** No connection came about: nothing was sent. */
  | "unreached"
  /** The connection ended before the answer did. */
  | "closed"
  /** What came isn't HTTP/1.1, or could be read in two ways. */
  | "broken_answer"
  /** The answer didn't begin in time. */
  | "slow_answer"
  /** The answer stopped in the middle for too long. */
  | "stalled"
  /** No connection became free in time. */
  | "queue_timeout";

/** Why an upstream's answer didn't come, or not whole. */
export class UpstreamFailure extends Error {
  readonly reason: FailureReason;

  constructor(reason: FailureReason, options?: { cause?: unknown }) {
    super(`${reason}${options?.cause instanceof Error ? `: ${options.cause.message}` : ""}`, options);
    this.name = "UpstreamFailure";
    this.reason = reason;
  }
}

/** What the client is told. */
export function refusalFor(reason: FailureReason): { code: ErrorCode; details?: ErrorDetails } {
  switch (reason) {
    case "slow_answer":
      return { code: "upstream_timeout" };
    case "queue_timeout":
      return { code: "busy", details: { retryAfterSeconds: 1 } };
    default:
      return { code: "upstream_unreachable", details: { retryAfterSeconds: 5 } };
  }
}
