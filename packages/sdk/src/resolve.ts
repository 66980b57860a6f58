import type { RuntimeEnvironment } from "@tenantry/contract";
import { TenantTokenInvalid } from "./errors.ts";
import type { RuntimeFollower } from "./runtime/follower.ts";
import { createTokenVerifier, SigningKeyUnknown, type TenantToken } from "./token.ts";
import { isUsable, usableEnvironment } from "./usable.ts";

/** Finds the environment that a token or an id stands for, if it may be used now. */
export type Resolver = {
  byToken(token: string | undefined): Promise<RuntimeEnvironment>;
  byId(environmentId: string): Promise<RuntimeEnvironment>;
};

/** Forged tokens may name unknown keys as fast as they like: ask about those once a second. */
const keyDoubtIntervalMs = 1_000;

export function createResolver(follower: RuntimeFollower): Resolver {
  const verifier = createTokenVerifier();
  let keysAskedAt = Number.NEGATIVE_INFINITY;

  async function verify(token: string): Promise<TenantToken> {
    try {
      return await verifier.verify(token, follower.state()!);
    } catch (error) {
      const now = performance.now();
      if (!(error instanceof SigningKeyUnknown) || now - keysAskedAt < keyDoubtIntervalMs) throw error;
      keysAskedAt = now;
      await follower.askAgain();
      return verifier.verify(token, follower.state()!);
    }
  }

  /** The gateway may have learnt of a change a moment before we do: before refusing, ask. */
  async function byId(environmentId: string): Promise<RuntimeEnvironment> {
    try {
      return usableEnvironment(follower.state(), environmentId);
    } catch {
      await follower.askAgain(() => isUsable(follower.state(), environmentId));
      return usableEnvironment(follower.state(), environmentId);
    }
  }

  return {
    byId,
    async byToken(token) {
      if (token === undefined) throw new TenantTokenInvalid("it carries no Tenantry-Token");
      const claims = await verify(token);
      const environment = await byId(claims.environmentId);
      if (environment.tenantId !== claims.tenantId) {
        throw new TenantTokenInvalid("its Tenantry-Token names another tenant's environment");
      }
      return environment;
    },
  };
}
