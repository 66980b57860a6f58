export { createSigner, type DocumentSigner, type Signer } from "./signer.ts";
export { loadDocumentSigner, loadSigner, publicJwks } from "./signing-key.ts";
