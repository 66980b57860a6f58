/**
 * Who may do what: API keys, and a tenant's users with their passwords and sessions [IAM-2, IAM-3]. Users belong to one
 * tenant, a session to one environment of it.
 */

export { createAccess } from "./access.ts";
export { selectGoodKeyIds } from "./api-keys.sql.ts";
export { createApiKey, createKeyCheck, endApiKey } from "./api-keys.ts";
export { endInternalSessions, openInternalSession } from "./internal-session.ts";
export { keyRoutes } from "./key-routes.ts";
export { createLogIn, type LogIn } from "./login.ts";
export { deleteStaleAttempts } from "./login-attempts.sql.ts";
export type { Credentials, Place } from "./password-proof.ts";
export { deleteAbandonedRegistrations, type Register } from "./registration.ts";
export { accessRoutes } from "./routes.ts";
export { deleteEndedSessions, deleteSessionsOfTenant } from "./sessions.sql.ts";
export { addUser, copyUsers } from "./user-changes.ts";
export { readUserFilter, showUser, showUsers, userListQuery, userRevision, userTag } from "./user-view.ts";
export { deleteUsersOfTenant } from "./users.sql.ts";
export { createUsers, preparePassword, type Users } from "./users.ts";
export { deleteExpiredVerifications } from "./verifications.sql.ts";
export type { Verifications } from "./verifications.ts";
