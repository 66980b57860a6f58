export { createSigner, type Signer, type TokenClaims } from "./signer.ts";
export { loadSigner, publicJwks, type Sealer } from "./signing-key.ts";
