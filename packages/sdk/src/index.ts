/**
 * Tenantry for applications: which tenant this code runs for, and everything of that tenant's.
 *
 *     const tenantry = createTenantry();
 *     app.use(tenantMiddleware(tenantry));                  // from @tenantry/sdk/express
 *     app.get("/", (request, response) => response.send(tenantry.current().tenant.name));
 */
export type { Child, RuntimeLogin, RuntimeUser, Verification } from "@tenantry/contract";
export type {
  ByteRange,
  Cache,
  CacheOptions,
  Database,
  GetOptions,
  ListedObject,
  ListOptions,
  ObjectContent,
  ObjectPage,
  PutOptions,
  QueryOptions,
  QueryRows,
  SignDownloadOptions,
  SignedRequest,
  SignUploadOptions,
  Storage,
  StorageBody,
  StorageUsage,
  StoredObject,
  TenantCache,
  Transaction,
  TransactionOptions,
} from "@tenantry/data";
export {
  bytesOf,
  CacheUnavailable,
  DatabaseUnavailable,
  DataError,
  InvalidArgument,
  KeyConflict,
  ObjectChanged,
  ObjectNotFound,
  ObjectTooLarge,
  PoolExhausted,
  RangeNotSatisfiable,
  StorageFull,
  StorageUnavailable,
  TransactionAborted,
  UnsafeKey,
  ValueTooLarge,
} from "@tenantry/data";
export type { Auth } from "./auth.ts";
export type { Log, TenantryOptions } from "./config.ts";
export type { TenantContext } from "./context.ts";
export {
  type CookieRequest,
  clearedSessionCookie,
  isSecure,
  readSessionCookie,
  sessionCookie,
} from "./cookies.ts";
export { type CsrfRequest, checkOrigin, csrfToken, type OriginVerdict } from "./csrf.ts";
export * from "./errors.ts";
export type { RequestHeaders } from "./headers.ts";
export type { Jobs } from "./jobs/jobs.ts";
export type { SealedJob } from "./jobs/sealed-job.ts";
export { type Problem, problemOf } from "./problem.ts";
export type { Credentials, PasswordChange, Registration, VerificationRequest } from "./runtime/api.ts";
export type { Settings } from "./settings.ts";
export { createTenantry, type Tenantry } from "./tenantry.ts";
export type { Tenants } from "./tenants.ts";
export type { NewUser, User, UserAdministration, UserChange } from "./users.ts";
