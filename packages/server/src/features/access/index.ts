export { createApiKey, createKeyCheck, endApiKey, type MakeKey } from "./api-keys.ts";
