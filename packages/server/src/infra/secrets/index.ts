export { hashKey, hasKeyForm, newApiKey } from "./api-key.ts";
export { loadMasterKey } from "./master-key.ts";
export { createSecrets, type Secrets } from "./secrets.ts";
