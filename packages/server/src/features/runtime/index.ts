/**
 * What the processes of applications follow and ask, by their application's key: where their tenants live, and who
 * logs in there.
 */
export { createBudgets } from "./budgets.ts";
export { runtimeRoutes } from "./routes.ts";
export { readSnapshot, type SnapshotDeps } from "./snapshot.ts";
