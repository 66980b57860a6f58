export * from "./access.ts";
export * from "./apps.ts";
export * from "./error-codes.ts";
export * from "./operations.ts";
export * from "./permissions.ts";
export * from "./runtime.ts";
export * from "./settings.ts";
export * from "./tenants.ts";
