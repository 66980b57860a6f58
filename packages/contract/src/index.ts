export * from "./error-codes.ts";
export * from "./runtime.ts";
export * from "./tenants.ts";
