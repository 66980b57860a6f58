/** Throw-away tenants for an application's own tests: `startTestKit`. */
export type { TestKitChange, TestKitUser } from "@tenantry/contract";
export type { Application } from "./applications.ts";
export { TestKitError, type TestKitErrorCode } from "./errors.ts";
export {
  type NewTestTenant,
  startTestKit,
  type TestKit,
  type TestKitOptions,
  type TestLevel,
} from "./kit.ts";
export { type StopOptions, stopTestKit } from "./stop.ts";
export type { TestSession, TestTenant } from "./tenant.ts";
