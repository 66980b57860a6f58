import type { JsonWebKeyWithId, RuntimeEnvironment } from "@tenantry/contract";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { audience, issuer } from "./registry.ts";

/** What a wrong token has instead of the right thing. */
export type TokenParts = {
  sub?: string;
  aud?: string;
  iss?: string;
  env?: string;
  kid?: string;
  secondsAgo?: number;
};

/** A key that signs `Tenantry-Token` as the gateway does. */
export async function signingKey(kid: string) {
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { crv: "Ed25519" });
  const { kty, crv, x } = await exportJWK(publicKey);
  const publicJwk: JsonWebKeyWithId = { kid, kty: kty!, crv: crv!, x: x!, alg: "EdDSA", use: "sig" };
  return {
    publicJwk,
    async token(environment: RuntimeEnvironment, parts: TokenParts = {}): Promise<string> {
      const issuedAt = Math.floor(Date.now() / 1000) - (parts.secondsAgo ?? 0);
      return new SignJWT({ env: parts.env ?? environment.id, slug: environment.tenantSlug })
        .setProtectedHeader({ alg: "EdDSA", kid: parts.kid ?? kid })
        .setSubject(parts.sub ?? environment.tenantId)
        .setAudience(parts.aud ?? audience)
        .setIssuer(parts.iss ?? issuer)
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + 120)
        .sign(privateKey);
    },
  };
}
