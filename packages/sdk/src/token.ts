import { createLocalJWKSet, errors, type JSONWebKeySet, jwtVerify } from "jose";
import { LRUCache } from "lru-cache";
import { TenantTokenInvalid } from "./errors.ts";
import type { RuntimeState } from "./runtime/state.ts";

export type TenantToken = { tenantId: string; environmentId: string };

/**
 * Verifies `Tenantry-Token` offline, with the snapshot's keys. A gateway signs one token per environment and minute, so
 * a token that was verified once is remembered until it expires.
 */
export type TokenVerifier = { verify(token: string, state: RuntimeState): Promise<TenantToken> };

/** The token is signed by a key that the snapshot doesn't hold (yet). */
export class SigningKeyUnknown extends TenantTokenInvalid {}

const clockToleranceSeconds = 5;
const rememberedTokens = 10_000;
/** Tokens are some 400 bytes; whatever is much longer isn't ours. */
const longestToken = 4_096;

export function createTokenVerifier(now: () => number = Date.now): TokenVerifier {
  const verified = new LRUCache<string, TenantToken>({ max: rememberedTokens, perf: { now } });
  let keysSeen: RuntimeState["keys"] | undefined;
  let keySet: ReturnType<typeof createLocalJWKSet> | undefined;

  function currentKeys(state: RuntimeState): ReturnType<typeof createLocalJWKSet> {
    if (keySet !== undefined && state.keys === keysSeen) return keySet;
    const unchanged = keySet !== undefined && JSON.stringify(state.keys) === JSON.stringify(keysSeen);
    keysSeen = state.keys;
    if (keySet !== undefined && unchanged) return keySet;
    verified.clear();
    keySet = createLocalJWKSet(state.keys as JSONWebKeySet);
    return keySet;
  }

  return {
    async verify(token, state) {
      const keys = currentKeys(state);
      const known = verified.get(token);
      if (known) return known;
      if (token.length > longestToken) throw new TenantTokenInvalid("its Tenantry-Token is malformed");
      const { payload } = await jwtVerify(token, keys, {
        algorithms: ["EdDSA", "Ed25519"],
        audience: state.audience,
        issuer: state.issuer,
        clockTolerance: clockToleranceSeconds,
        currentDate: new Date(now()),
        requiredClaims: ["sub", "env", "iat", "exp"],
      }).catch((error: unknown) => {
        throw explain(error);
      });
      if (typeof payload.env !== "string") throw new TenantTokenInvalid("its Tenantry-Token is malformed");
      const claims = { tenantId: payload.sub!, environmentId: payload.env };
      const remainingMs = (payload.exp! + clockToleranceSeconds) * 1000 - now();
      if (remainingMs > 0) verified.set(token, claims, { ttl: remainingMs });
      return claims;
    },
  };
}

function explain(error: unknown): TenantTokenInvalid {
  if (error instanceof errors.JWKSNoMatchingKey) {
    return new SigningKeyUnknown("its Tenantry-Token is signed by an unknown key", { cause: error });
  }
  if (error instanceof errors.JWTExpired) {
    return new TenantTokenInvalid("its Tenantry-Token has expired", { cause: error });
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    return new TenantTokenInvalid(`its Tenantry-Token has a wrong "${error.claim}"`, { cause: error });
  }
  return new TenantTokenInvalid("its Tenantry-Token is malformed or forged", { cause: error });
}
