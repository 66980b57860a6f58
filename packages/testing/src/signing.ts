import { createPrivateKey, randomBytes, sign } from "node:crypto";
import { type TestKitJoined, tenantHeaders } from "@tenantry/contract";

/** As whose request it is signed. */
export type Signed = {
  id: string;
  slug: string;
  environment: { id: string; name: string };
  hostname: string;
};

const tokenSeconds = 120;

/** Makes the headers that the gateway adds to a request for a tenant, with a token of this moment. */
export function createSigner({ signing }: Pick<TestKitJoined, "signing">) {
  const { kid, issuer, audience } = signing;
  const key = createPrivateKey({
    key: Buffer.from(signing.privateKey, "base64"),
    format: "der",
    type: "pkcs8",
  });
  const head = encode({ alg: "EdDSA", typ: "JWT", kid });

  return ({ id, slug, environment, hostname }: Signed): Record<string, string> => {
    const iat = Math.floor(Date.now() / 1000);
    const times = { iss: issuer, iat, exp: iat + tokenSeconds };
    const claims = encode({ sub: id, aud: audience, env: environment.id, slug, ...times });
    const signature = sign(null, Buffer.from(`${head}.${claims}`), key).toString("base64url");
    return {
      host: hostname,
      [tenantHeaders.tenant]: id,
      [tenantHeaders.environment]: environment.name,
      [tenantHeaders.requestId]: `req_${randomBytes(13).toString("hex")}`,
      [tenantHeaders.token]: `${head}.${claims}.${signature}`,
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-proto": "http",
    };
  };
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
