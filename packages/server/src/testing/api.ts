import { randomBytes } from "node:crypto";
import {
  type Api,
  type ApiOptions,
  bearerKey,
  createApi,
  type IdempotencyStore,
  type Principal,
  type StoredReply,
} from "../infra/http/index.ts";
import { silentLog } from "../infra/log/index.ts";
import { newId } from "../kernel/index.ts";

export const testOperatorKey = "test-operator";

/**
 * An API with the given routes for `api.inject(…)`. Requests with the headers `asOperator` are an operator's.
 */
export async function createTestApi(options: Partial<ApiOptions> & Pick<ApiOptions, "groups">): Promise<Api> {
  const operator: Principal = { kind: "operator", keyId: newId() };
  return createApi({
    log: silentLog,
    version: "0.0.0-test",
    idempotency: createMemoryIdempotencyStore(),
    authenticate: async (request) => (bearerKey(request) === testOperatorKey ? operator : undefined),
    findGoodKeys: async (keyIds) => new Set(keyIds),
    rateLimits: { perPrincipal: 1_000_000, perAddress: 1_000_000 },
    ...options,
  });
}

/** Headers of a request by the operator of `createTestApi`. */
export const asOperator = { authorization: `Bearer ${testOperatorKey}` };

type Held = { request: string; token: string; reply?: StoredReply };

/** Keeps the store's promises within one process, but for the passing of time. */
export function createMemoryIdempotencyStore(): IdempotencyStore {
  const entries = new Map<string, Held>();
  const own = (principal: string, key: string, token: string): Held | undefined => {
    const entry = entries.get(`${principal} ${key}`);
    return entry?.token === token ? entry : undefined;
  };
  return {
    async claim(principal, key, request) {
      const known = entries.get(`${principal} ${key}`);
      if (known && known.request !== request) return { kind: "other_request" };
      if (known) return known.reply ? { kind: "replay", reply: known.reply } : { kind: "in_flight" };
      const token = randomBytes(8).toString("hex");
      entries.set(`${principal} ${key}`, { request, token });
      return { kind: "claimed", token };
    },
    async finish(principal, key, token, reply) {
      const entry = own(principal, key, token);
      if (entry) entry.reply = reply;
    },
    async release(principal, key, token) {
      if (own(principal, key, token)) entries.delete(`${principal} ${key}`);
    },
  };
}
