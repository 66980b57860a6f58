/**
 * Whether tenants are kept apart: probes that try every way from one to another, canaries that they work with, and
 * signed reports of what came of it [ISO-11, ISO-12].
 */
export { observeIsolation } from "./metrics.ts";
export { everyProbe, operatorRoutesOf, probes, unprobedOperations } from "./probes/index.ts";
export { deleteOldReports, selectStanding } from "./reports.sql.ts";
export { isolationRoutes } from "./routes.ts";
export { verifyWhenDue } from "./verifications.ts";
export { type IsolationParts, verifyWorkflow } from "./workflows.ts";
