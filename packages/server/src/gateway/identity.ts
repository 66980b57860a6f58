import { tenantHeaders } from "@tenantry/contract";
import { LRUCache } from "lru-cache";
import type { Signer } from "../infra/signing/index.ts";
import { showId } from "../kernel/index.ts";
import type { Route } from "./route.ts";

/** Adds who the request is for: `Tenantry-Tenant`, `-Environment` and `-Token`. */
export type Identities = { add(passed: string[], route: Route): void };

const tokenSeconds = 120;
/** A token is passed on for half its life, so that each has at least a minute to go when it arrives. */
const reusedMs = 60_000;

type Identity = { tenant: string; slug: string; appId: string; token: string; until: number };

/** Tokens are minted once per environment and minute, and kept for the environments asked for most lately. */
export function createIdentities(options: { signer: Signer; maxKept?: number }): Identities {
  const kept = new LRUCache<string, Identity>({ max: options.maxKept ?? 25_000 });

  function mint(route: Route, now: number): Identity {
    const tenant = showId("tnt", route.tenantId);
    const claims = {
      sub: tenant,
      aud: showId("app", route.appId),
      env: showId("env", route.environmentId),
      slug: route.tenantSlug,
    };
    const token = options.signer.sign(claims, tokenSeconds, Math.floor(now / 1000));
    return { tenant, slug: route.tenantSlug, appId: route.appId, token, until: now + reusedMs };
  }

  return {
    add(passed, route) {
      const now = Date.now();
      let identity = kept.get(route.environmentId);
      if (!identity || identity.until <= now || !sameClaims(identity, route)) {
        identity = mint(route, now);
        kept.set(route.environmentId, identity);
      }
      passed.push(tenantHeaders.tenant, identity.tenant);
      passed.push(tenantHeaders.environment, route.environmentName);
      passed.push(tenantHeaders.token, identity.token);
    },
  };
}

function sameClaims(identity: Identity, route: Route): boolean {
  return identity.slug === route.tenantSlug && identity.appId === route.appId;
}
