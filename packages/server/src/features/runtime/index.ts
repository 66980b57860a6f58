/**
 * What the processes of applications follow and ask, by their application's key: where their tenants live, and who
 * logs in there.
 */
export { createBudgets } from "./budgets.ts";
export { type RuntimeRouteDeps, runtimeRoutes } from "./routes.ts";
export { type Places, readSnapshot, type SnapshotDeps, type SnapshotQuestion } from "./snapshot.ts";
