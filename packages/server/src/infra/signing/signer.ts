import { createPrivateKey, createPublicKey, sign } from "node:crypto";

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

/** Signs documents with the same key. What it signs never looks like a token: it has a line break. */
export type DocumentSigner = {
  readonly keyId: string;
  readonly publicKey: { kty: "OKP"; crv: "Ed25519"; x: string };
  /** In base64url. */
  sign(text: string): string;
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

export function createDocumentSigner(key: { kid: string; privateKey: Buffer }): DocumentSigner {
  const privateKey = createPrivateKey({ key: key.privateKey, format: "der", type: "pkcs8" });
  const { x = "" } = createPublicKey(privateKey).export({ format: "jwk" });
  return {
    keyId: key.kid,
    publicKey: { kty: "OKP", crv: "Ed25519", x },
    sign(text) {
      if (!text.includes("\n")) throw new TypeError("A document has more than one line.");
      return sign(null, Buffer.from(text), privateKey).toString("base64url");
    },
  };
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
