import { LRUCache } from "lru-cache";
import { failure } from "../../kernel/index.ts";
import type { Reply, Request } from "./types.ts";
import { principalName } from "./types.ts";

/** Requests per minute, counted by each API process for itself. */
export type RateLimits = {
  /** Of one key. */
  perPrincipal: number;
  /** Of one address that shows no good key. */
  perAddress: number;
};

const windowMs = 60_000;
const mostCounters = 50_000;

/** Tokens that come back evenly: a burst may spend all at once, after that they trickle. */
export function createBuckets(limit: number, now: () => number) {
  const buckets = new LRUCache<string, { tokens: number; at: number }>({ max: mostCounters });
  return (key: string): { remaining: number; resetSeconds: number; allowed: boolean } => {
    const at = now();
    const bucket = buckets.get(key) ?? { tokens: limit, at };
    const tokens = Math.min(limit, bucket.tokens + ((at - bucket.at) * limit) / windowMs);
    const allowed = tokens >= 1;
    const left = allowed ? tokens - 1 : tokens;
    buckets.set(key, { tokens: left, at });
    const missing = allowed ? limit - left : 1 - left;
    return {
      allowed,
      remaining: Math.floor(left),
      resetSeconds: Math.ceil((missing * windowMs) / limit / 1000),
    };
  };
}

/**
 * Limits how often one key, or one address without a key, may ask; every reply says how much is left
 * (draft-ietf-httpapi-ratelimit-headers), and 429 says when to come back.
 */
export function createRateLimit(
  limits: RateLimits,
  now: () => number = () => performance.now(),
): (request: Request, reply: Reply) => void {
  const byPrincipal = createBuckets(limits.perPrincipal, now);
  const byAddress = createBuckets(limits.perAddress, now);
  return (request, reply) => {
    if (request.routeOptions.config.quiet) return;
    const { principal } = request;
    const policy = principal ? "principal" : "address";
    const quota = principal ? limits.perPrincipal : limits.perAddress;
    const state = principal ? byPrincipal(principalName(principal)) : byAddress(request.ip);
    reply.header("ratelimit-policy", `"${policy}";q=${quota};w=${windowMs / 1000}`);
    reply.header("ratelimit", `"${policy}";r=${state.remaining};t=${state.resetSeconds}`);
    if (!state.allowed) throw failure("too_many_requests", { retryAfterSeconds: state.resetSeconds });
  };
}
