import { createPrivateKey, sign } from "node:crypto";

export type TokenClaims = Readonly<Record<string, string>>;

/** Signs JSON Web Tokens with one Ed25519 key. */
export type Signer = {
  readonly kid: string;
  /**
   * A compact token of `claims` with `iss`, `iat` and `exp` (`lifetimeSeconds` after `nowSeconds`). Synchronous, about
   * 50 µs: it is called once per environment and minute, between two requests.
   */
  sign(claims: TokenClaims, lifetimeSeconds: number, nowSeconds?: number): string;
};

/** A signer from a private key (PKCS #8, DER). */
export function createSigner(key: { kid: string; privateKey: Buffer; issuer: string }): Signer {
  const privateKey = createPrivateKey({ key: key.privateKey, format: "der", type: "pkcs8" });
  const head = encode({ alg: "EdDSA", typ: "JWT", kid: key.kid });
  return {
    kid: key.kid,
    sign(claims, lifetimeSeconds, nowSeconds = Math.floor(Date.now() / 1000)) {
      const times = { iss: key.issuer, iat: nowSeconds, exp: nowSeconds + lifetimeSeconds };
      const signed = `${head}.${encode({ ...claims, ...times })}`;
      return `${signed}.${sign(null, Buffer.from(signed), privateKey).toString("base64url")}`;
    },
  };
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
