export { type ApiKeyKind, hashKey, hasKeyForm, type NewApiKey, newApiKey } from "./api-key.ts";
export { loadMasterKey, type MasterKeyOptions } from "./master-key.ts";
export { createSecrets, type Secrets } from "./secrets.ts";
