export { createSigner, type DocumentSigner, type Signer, type TokenClaims } from "./signer.ts";
export { loadDocumentSigner, loadSigner, publicJwks, type Sealer } from "./signing-key.ts";
